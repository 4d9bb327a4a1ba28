"""Parts of a text that may be names: words that begin with a capital letter, and stand together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from bot.tasks.names.tokens import Kind, NameToken, read_tokens
from bot.tasks.names.words import NameWords, name_words
from bot.text.graphemes import Graphemes

LONGEST_NAME = 80
"""Characters; what is longer is no name."""
LONGEST_SENTENCE = 300
"""Characters of the sentence around a candidate."""
MOST_PARTICLES = 3
"""Between two parts of a name: Maria de la Cruz."""

Place = tuple[int, int]
Chain = Sequence[NameToken]


@dataclass(frozen=True)
class CandidateName:
    """What may be a name.

    Attributes:
        places: where it stands in the text, (first character, the one after its last), once or more often.
        sentence: the one that it stands in first.
        spelled: the name and the sentence as they are spelled where capital letters mean something, which is how models
            know them: ("Ann", "Ann lives in Berlin") for "ANN LIVES IN BERLIN". None where they are so already.
    """

    name: str
    places: tuple[Place, ...]
    sentence: str
    spelled: tuple[str, str] | None = None

    @property
    def asked(self) -> tuple[str, str]:
        """The name and the sentence that a model is asked about."""
        return self.spelled or (self.name, self.sentence)


def find_candidates(text: str) -> list[CandidateName]:
    """The candidates in the order in which they first appear. Scripts without capital letters have none.

    There is none in what Discord shows as something else (mentions, emoji), in links and in code.
    """
    read = read_tokens(text)
    graphemes = Graphemes(text)
    places: dict[str, list[Place]] = {}
    sentences: dict[str, Place] = {}
    for tokens in read.chains:
        for first, last in _Runs(text, tokens, name_words()).all():
            start, end = graphemes.widened(tokens[first].start, _end(tokens, last))
            name = text[start:end]
            if len(name) <= LONGEST_NAME and any(map(str.isalnum, name)):
                places.setdefault(name, []).append((start, end))
                sentences.setdefault(name, read.sentences[tokens[first].sentence])
    spelled = _spelled(text, read.chains, [place for found in places.values() for place in found])
    return [_candidate(text, spelled, tuple(found), sentences[name]) for name, found in places.items()]


def _candidate(text: str, spelled: str, places: tuple[Place, ...], sentence: Place) -> CandidateName:
    (start, end), *_ = places
    here, there = ((one[start:end], _sentence(one, places[0], sentence)) for one in (text, spelled))
    return CandidateName(here[0], places, here[1], None if here == there else there)


def _spelled(text: str, chains: Sequence[Chain], names: Sequence[Place]) -> str:
    """A text of the same length, in which words among others with capital letters have some only in names."""
    inside = {character for place in names for character in range(*place)}
    letters = list(text)
    for token in chain.from_iterable(chains):
        if token.shouted and token.key != "i":
            letters[token.start : token.end] = _recased(
                text[token.start : token.end], token, named=token.start in inside
            )
    return "".join(letters)


def _recased(word: str, token: NameToken, *, named: bool) -> str:
    """A word with a capital letter, or without; as it is where that would make it longer."""
    if named and (token.kind is Kind.INITIALS or not word.isupper()):
        return word
    other = word.title() if named and token.key not in name_words().particles else word.lower()
    return other if len(other) == len(word) else word


def _end(tokens: Chain, last: int) -> int:
    """The character after a name's last one. A single letter's full stop is more likely the sentence's: Vitamin C."""
    token = tokens[last]
    lone = token.kind is Kind.INITIALS and len(token.key) == 2
    return token.end - 1 if lone else token.end


def _sentence(text: str, place: Place, sentence: Place) -> str:
    """The sentence around a place, cut at both sides where it is long."""
    start, end = place
    around = (LONGEST_SENTENCE - (end - start)) // 2
    return text[max(min(sentence[0], start), start - around) : min(max(sentence[1], end), end + around)].strip()


class _Runs:
    """The runs of words in a chain that may be names."""

    def __init__(self, text: str, chain: Chain, words: NameWords) -> None:
        self._text = text
        self._chain = chain
        self._words = words

    def all(self) -> Iterator[Place]:
        """The runs in their order: the number of the first word, and of the last."""
        place = 0
        while place < len(self._chain):
            last = self._last(place)
            if last is None:
                place += 1
                continue
            if (run := self._trimmed(place, last)) is not None:
                yield run
            place = last + 1

    def _last(self, first: int) -> int | None:
        """The last word of the run that begins with a word; None where none does."""
        if not self._may_begin(first):
            return None
        last = self._past_particles(first) if self._chain[first].kind is Kind.PARTICLE else first
        while (following := self._following(last)) is not None:
            last = following
        return last

    def _may_begin(self, place: int) -> bool:
        token = self._chain[place]
        if token.kind is Kind.PARTICLE:
            return self._leads(place)
        return self._is_part(place)

    def _leads(self, place: int) -> bool:
        """Whether a name begins with a particle in lower case, as van Gogh's does: in English, that is."""
        token = self._chain[place]
        if token.key not in self._words.leading_particles or self._words.is_function(token.key):
            return False
        before = self._chain[place - 1].key if place else None
        in_english = before is None or self._words.is_common(before)
        return in_english and not token.shouted and self._past_particles(place) != place

    def _past_particles(self, place: int) -> int:
        """The part of a name that follows a place and at most so many particles; the place itself where none does."""
        for following in range(place + 1, min(place + 2 + MOST_PARTICLES, len(self._chain))):
            if self._is_part(following):
                return following
            if self._chain[following].kind is not Kind.PARTICLE:
                break
        return place

    def _following(self, last: int) -> int | None:
        """The word with which a run goes on after another one."""
        following = self._past_particles(last)
        if following == last:
            return None
        if self._chain[last].ends_name and self._chain[following].key not in self._words.institutions:
            return None
        return following

    def _is_part(self, place: int) -> bool:
        """Whether a word may be a part of a name."""
        token = self._chain[place]
        if token.kind is Kind.INITIALS:
            return self._is_initial(place)
        if token.kind is not Kind.CAPITALISED:
            return False
        if token.key in self._words.given_names:
            return self._is_given_name(place)
        if self._words.is_function(token.key):
            return self._is_acronym(token)
        if not token.shouted or not self._words.is_common(token.key):
            return True
        return self._begins_name(place) or self._ends_name(place)

    def _is_initial(self, place: int) -> bool:
        """I. and A. are initials only beside another part of a name."""
        token = self._chain[place]
        if token.key not in ("i.", "a."):
            return True
        beside = self._chain[place + 1 : place + 2]
        return any(
            one.kind in (Kind.CAPITALISED, Kind.INITIALS) and not self._words.is_opener(one.key) for one in beside
        ) and (token.opens or self._chain[place - 1].kind is not Kind.OTHER)

    def _is_acronym(self, token: NameToken) -> bool:
        """US, among words that are not all in capital letters."""
        return token.key == "us" and not token.shouted and self._text[token.start : token.end].isupper()

    def _begins_name(self, place: int) -> bool:
        """Whether a common word begins a name that goes on with another word: New York."""
        return self._chain[place].key in self._words.beginnings and self._is_rare(place + 1)

    def _ends_name(self, place: int) -> bool:
        """Whether a common word, no verb, ends a name among words in capital letters: AT HUGGING FACE IN BROOKLYN."""
        following = self._chain[place + 1 : place + 2]
        return (
            place > 0
            and self._is_rare(place - 1)
            and not self._words.is_verb(self._chain[place].key)
            and any(self._words.is_function(one.key) for one in following)
        )

    def _is_rare(self, place: int) -> bool:
        """Whether a capital letter says at a place that a name stands there."""
        if place >= len(self._chain):
            return False
        token = self._chain[place]
        return token.kind is Kind.INITIALS or (token.kind is Kind.CAPITALISED and not self._words.is_common(token.key))

    def _is_given_name(self, place: int) -> bool:
        """Whether a word is a given name: Will Smith, and Will said; but not Will you, nor in May."""
        token = self._chain[place]
        before = self._chain[place - 1].key if place else ""
        if token.key in self._words.calendar and (before in self._words.before_dates or self._is_in_date(token)):
            return False
        if not token.opens:
            return True
        if self._is_surname(place + 1, token):
            return not (self._words.is_function(token.key) and self._is_asked(place + 1))
        return token.ends_name or self._is_subject(place) or self._text[token.end : token.end + 1] == ","

    def _is_surname(self, place: int, given: NameToken) -> bool:
        """Whether a word after a given name is a part of the name as well; any may be, where capital letters count."""
        if self._is_rare(place):
            return True
        following = self._chain[place : place + 1]
        return not given.shouted and any(
            one.kind is Kind.CAPITALISED and not self._words.is_opener(one.key) for one in following
        )

    def _is_in_date(self, token: NameToken) -> bool:
        """Whether a number stands beside a word: 5 May, May 2024."""
        beside = self._text[: token.start].rstrip()[-1:] + self._text[token.end :].lstrip()[:1]
        return any(map(str.isdigit, beside))

    def _is_asked(self, place: int) -> bool:
        """Whether a sentence is a question about a name, and has no other verb after it: Will Ann come?"""
        last = place
        while self._is_rare(last + 1):
            last += 1
        rest = self._text[self._chain[last].end :]
        question = next((letter for letter in rest if letter in ".!?\n"), "") == "?"
        following = self._chain[last + 1].key if last + 1 < len(self._chain) else ""
        return question and not self._words.is_verb(following)

    def _is_subject(self, place: int) -> bool:
        """Whether a verb follows, or another name."""
        following = self._chain[place + 1 : place + 3]
        if not following or (following[0].kind is Kind.CAPITALISED and not following[0].shouted):
            return False
        if following[0].key in ("and", "or"):
            return len(following) > 1 and self._is_rare(place + 2)
        return self._words.is_verb(following[0].key)

    def _trimmed(self, first: int, last: int) -> Place | None:
        """A run without words at its ends that are no part of a name; None where nothing is left."""
        while first <= last and self._is_idle(first, last):
            first += 1
        while last > first and self._words.is_opener(self._chain[last].key) and not self._is_kept(last):
            last -= 1
        while last > first and self._chain[last].kind is Kind.PARTICLE:
            last -= 1
        return (first, last) if first <= last else None

    def _is_kept(self, place: int) -> bool:
        token = self._chain[place]
        return token.key in self._words.given_names or self._is_acronym(token)

    def _is_idle(self, place: int, last: int) -> bool:
        """Whether the first word of a run has its capital letter for another reason than a name."""
        token = self._chain[place]
        if token.kind is not Kind.CAPITALISED:
            return token.kind is Kind.PARTICLE and not self._leads(place)
        if self._is_kept(place):
            return False
        if self._words.is_opener(token.key) or (place == last and token.key in self._words.particles):
            return True
        loud = len(token.key) > 1 and self._text[token.start : token.end].isupper()
        if not (token.opens or loud) or not self._words.is_common(token.key):
            return False
        return place == last or (self._is_rare(place + 1) and token.key not in self._words.beginnings)
