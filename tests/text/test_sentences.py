"""Where sentences end. `|` stands between two of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.sentences import sentence_ends, sentences

LINES = {
    "en": [
        "Dr. Miller lives in St. Gallen.|It is cold.",
        "Mr. and Mrs. Smith met J.R.R. Tolkien at 5 p.m. yesterday.|He was tired.",
        "I like fruit, e.g. apples and pears.|Do you?",
        "The U.S. Army is big.|No. 5 is alive!",
        "See Vol. 3, Ch. 2 of it.|Now.",
        "1. Wake up.|2. Eat something.|(3) Sleep.",
        "It costs $3.50 vs. $4.|OK…|Fine.",
        '"Stop!" he said.|She left.',
    ],
    "de": [
        "Dr. Müller wohnt in St. Gallen.|Es ist kalt.",
        "Das kostet ca. 5 Euro, z.B. im Laden.|Gut.",
        "Am 3. Oktober ist frei.|Prof. Ade spricht.",
        "Hr. Schmidt und Fr. Meier kommen usw. und so fort.|Schön!",
        "Wir sehen uns am 24.12. um 5 Uhr.|Bis dann!",
        "Er liebt u.a. Käse, d. h. viel davon.|Sie nicht.",
    ],
    "fr": [
        "M. Dupont habite à St. Denis.|Il fait froid.",
        "Mme. Martin a vu le Dr. House.|Il va bien.",
        "Le prix est d'env. 5 euros.|Merci !",
        "Voir p. 12 et art. 3 du code.|C'est tout.",
        "J. K. Rowling est là.|Oui ?",
        "Bonjour !|Ça va ?",
    ],
    "es": [
        "El Sr. García vive en Madrid.|Hace frío.",
        "La Dra. López y la Sra. Ruiz vinieron.|Bien.",
        "¿Dónde vives?|¡Hola!",
        "EE. UU. es grande.|Sí.",
        "Véase la pág. 5 del libro.|Gracias.",
        "Ud. tiene razón.|Adiós.",
    ],
    "it": [
        "Il Sig. Rossi abita qui.|Fa freddo.",
        "Il Dott. Bianchi e la Prof. Verdi sono qui.|Bene.",
        "Ad es. le mele sono buone.|Vero?",
        "Vedi pag. 5 del libro.|Grazie.",
        "Ciao!|Come stai?",
        "L'ing. Neri lavora.|Certo.",
    ],
    "nl": [
        "Dr. Jansen woont in Amsterdam.|Het is koud.",
        "Ik hou van fruit, bijv. appels.|Jij?",
        "Mevr. de Vries en dhr. Bakker komen.|Goed.",
        "Dat kost ca. 5 euro.|Prima.",
        "Hallo!|Hoe gaat het?",
        "Zie blz. 5 van het boek.|Dank je.",
    ],
    "ru": [
        "Он родился в 1980 г. в Москве.|Холодно.",
        "А. С. Пушкин писал стихи.|Да.",
        "Это стоит 5 тыс. рублей.|Хорошо.",
        "Я люблю фрукты, т.е. яблоки.|А ты?",
        "Привет!|Как дела?",
        "Ул. Ленина, д. 5 рядом.|Спасибо.",
    ],
    "pl": [
        "Dr. Kowalski mieszka w Krakowie.|Jest zimno.",
        "Lubię owoce, np. jabłka.|A ty?",
        "Prof. Nowak mówi.|Dobrze.",
        "To kosztuje ok. 5 zł.|Super.",
        "Ul. Długa nr. 5 jest blisko.|Dzięki.",
        "Cześć!|Jak się masz?",
    ],
    "pt": [
        "O Sr. Silva mora em Lisboa.|Está frio.",
        "A Dra. Costa e a Sra. Lima vieram.|Bom.",
        "Veja a pág. 5 do livro.|Obrigado.",
        "Olá!|Tudo bem?",
        "O Prof. Souza fala.|Sim.",
        "Fica na av. Paulista.|Certo.",
    ],
    "ja": [
        "私は猫が好きです。|あなたは？|はい！",
        "「やめて。」と彼は言った。|彼女は去った。",
        "今日は寒い。|明日は3.5度です。",
    ],
    "zh": [
        "我喜欢猫。|你呢？|好！",
        "他说：“停！”|她走了。",
        "今天很冷。|价格是3.5元。",
    ],
    "hi": [
        "मुझे सेब पसंद हैं।|आपको?",
        "डॉ. शर्मा यहाँ हैं।|ठीक है।",
    ],
    "ar": [
        "أحب التفاح.|وأنت؟|نعم.",
        "الجو بارد اليوم.|شكرا!",
    ],
    "el": [
        "Ο κ. Παπαδόπουλος είναι εδώ.|Πού;|Εκεί.",
    ],
    "sv": [
        "Dr. Berg bor i Lund.|Det är kallt.",
        "Jag gillar t.ex. äpplen.|Du?",
        "Det kostar ca. 5 kr.|Bra.",
    ],
    "tr": [
        "Dr. Yılmaz burada.|Hava soğuk.",
        "Prof. Kaya ve Av. Demir geldi.|Tamam.",
    ],
    "uk": [
        "Я народився в 1980 р. у Києві.|Холодно.",
        "Т. Г. Шевченко писав вірші.|Так.",
    ],
}
CASES = [(language, line) for language, lines in LINES.items() for line in lines]


def parts(text: str, language: str) -> list[str]:
    return [sentence.strip() for sentence in sentences(text, language)]


@pytest.mark.parametrize(("language", "line"), CASES)
def test_sentences_of_a_language(language: str, line: str) -> None:
    """Row G1 and its kind: abbreviations and initials of the language end no sentence."""
    right = line.split("|")
    assert parts(("" if language in ("ja", "zh") else " ").join(right), language) == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Go!! 1.5 apples \n", ["Go!!", "1.5 apples"]),
        ("What?! No…  Yes", ["What?!", "No…", "Yes"]),
        ("i like it. you too", ["i like it.", "you too"]),
        ("Visit us at 5.30 tomorrow", ["Visit us at 5.30 tomorrow"]),
        ("", []),
    ],
)
def test_what_people_type(text: str, right: list[str]) -> None:
    assert parts(text, "en") == right


def test_a_language_that_nobody_knows() -> None:
    assert parts("Dr. Miller is here. Go!", "xx-Latn") == ["Dr. Miller is here.", "Go!"]


@given(
    st.text(alphabet="aB .!?…。\n\"'”)」Dr.€é1\u0301😀", max_size=60), st.sampled_from(["en", "de", "zh", "ja", "xx"])
)
def test_together_they_are_the_text(text: str, language: str) -> None:
    found = sentences(text, language)
    assert "".join(found) == text
    assert all(sentence.strip() for sentence in found[1:])


@given(st.text(alphabet="aB .!?…。\n\"'”)」Dr.é1", max_size=60))
def test_sentences_end_behind_a_mark(text: str) -> None:
    ends = list(sentence_ends(text))
    assert ends == sorted(set(ends))
    assert all(text[:end].rstrip("\"'”’»)]」』）")[-1] in ".!?…。！？" for end in ends)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("The talk was given on Monday by Prof. Ade", []),
        ("The talk was given by Prof.", []),
        ("I like it. He is", [10]),
        ("A. B. said so. Then", [14]),
        ("It ended at 5 p.m.", [18]),
        ("He said “no.” Then", [13]),
        ("OK… fine", [3]),
        ("寒い。明日は", [3]),
        ("「寒い。」明日は", [5]),
        ("It costs 3.50 euros", []),
        ("1. First item. 2. Sec", [14]),
        ("1. First item.\n2.", [14]),
    ],
)
def test_where_whole_sentences_end(text: str, ends: list[int]) -> None:
    """Row J5 and its kind."""
    assert list(sentence_ends(text)) == ends
