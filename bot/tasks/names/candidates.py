"""Finding candidates for names in a text: neighbouring words that begin with a capital letter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from bot.tasks.names.tokens import NameToken, WordKind, read_tokens
from bot.tasks.names.words import NameWords, name_words
from bot.text.graphemes import Graphemes, Span

# In characters; a candidate's sentence is cut if it is longer.
LONGEST_NAME, LONGEST_SENTENCE = 80, 300
# Between two parts of a name: Maria de la Cruz.
MOST_PARTICLES = 3

Chain = Sequence[NameToken]
_CASED = (WordKind.CAPITALISED, WordKind.INITIALS)


@dataclass(frozen=True)
class CandidateName:
    """A possible name, with its occurrences in the text."""

    name: str
    spans: tuple[Span, ...]
    sentence: str
    """The sentence of the first occurrence."""
    spelled: tuple[str, str] | None = None
    """Name and sentence without capitals: ("Ann", "Ann lives in Berlin") for "ANN LIVES IN BERLIN". None if the text
    isn't in capitals."""

    @property
    def asked(self) -> tuple[str, str]:
        """The name and the sentence that a model is asked about."""
        return self.spelled or (self.name, self.sentence)


def find_candidates(text: str) -> list[CandidateName]:
    """Return the candidates outside of markup, in the order in which they first appear."""
    read = read_tokens(text)
    graphemes = Graphemes(text)
    spans: dict[str, list[Span]] = {}
    sentences: dict[str, Span] = {}
    for tokens in read.chains:
        for first, last in _Runs(text, tokens, name_words()).all():
            span = graphemes.widened(tokens[first].start, _end(tokens, last))
            name = text[slice(*span)]
            if len(name) <= LONGEST_NAME and any(map(str.isalnum, name)):
                spans.setdefault(name, []).append(span)
                sentences.setdefault(name, read.sentences[tokens[first].sentence])
    spelled = _spelled(text, read.chains, [*chain.from_iterable(spans.values())])

    def candidate(name: str, found: Sequence[Span]) -> CandidateName:
        here, there = ((one[slice(*found[0])], _sentence(one, found[0], sentences[name])) for one in (text, spelled))
        return CandidateName(name, tuple(found), here[1], None if here == there else there)

    return [candidate(*one) for one in spans.items()]


def _spelled(text: str, chains: Sequence[Chain], names: Sequence[Span]) -> str:
    """Return a text of the same length in which shouted words have capitals only at the beginning of names."""
    inside = {offset for span in names for offset in range(*span)}
    letters = list(text)
    for token in chain.from_iterable(chains):
        if token.shouted and token.key != "i":
            word = text[token.start : token.end]
            letters[token.start : token.end] = _recased(word, token, named=token.start in inside)
    return "".join(letters)


def _recased(word: str, token: NameToken, *, named: bool) -> str:
    """Return a word with a capital letter, or without; unchanged if that would make it longer."""
    if named and (token.kind is WordKind.INITIALS or not word.isupper()):
        return word
    other = word.title() if named and token.key not in name_words().particles else word.lower()
    return other if len(other) == len(word) else word


def _end(tokens: Chain, last: int) -> int:
    """Return the offset behind a name."""
    # A single letter's full stop is more likely the sentence's: Vitamin C.
    token = tokens[last]
    is_single = token.kind is WordKind.INITIALS and len(token.key) == 2
    return token.end - 1 if is_single else token.end


def _sentence(text: str, name: Span, sentence: Span) -> str:
    """Return the sentence around a name, cut at both sides if it is long."""
    around = (LONGEST_SENTENCE - (name.end - name.start)) // 2
    start = max(min(sentence.start, name.start), name.start - around)
    return text[start : min(max(sentence.end, name.end), name.end + around)].strip()


@dataclass(frozen=True)
class _Runs:
    """The runs of words in a chain that may be names. A word is given by its index in the chain."""

    text: str
    chain: Chain
    words: NameWords

    def all(self) -> Iterator[tuple[int, int]]:
        """Yield each run's first and last word."""
        index = 0
        while index < len(self.chain):
            last = self._last(index)
            if last is None:
                index += 1
                continue
            if (run := self._trimmed(index, last)) is not None:
                yield run
            index = last + 1

    def _last(self, first: int) -> int | None:
        """Return the last word of the run that begins with a word; None if no run does."""
        is_particle = self.chain[first].kind is WordKind.PARTICLE
        if not (self._leads(first) if is_particle else self._is_part(first)):
            return None
        last = self._past_particles(first) if is_particle else first
        while (following := self._past_particles(last)) != last:
            if self.chain[last].ends_name and self.chain[following].key not in self.words.institutions:
                break
            last = following
        return last

    def _leads(self, index: int) -> bool:
        """Return whether a name begins with a particle in lower case, such as van Gogh's; only in English."""
        token = self.chain[index]
        if token.key not in self.words.leading_particles or self.words.is_function(token.key):
            return False
        before = self.chain[index - 1].key if index else None
        in_english = before is None or self.words.is_common(before)
        return in_english and not token.shouted and self._past_particles(index) != index

    def _past_particles(self, index: int) -> int:
        """Return the next part of a name, behind a few particles at most; the word itself if there is none."""
        for following in range(index + 1, min(index + 2 + MOST_PARTICLES, len(self.chain))):
            if self._is_part(following):
                return following
            if self.chain[following].kind is not WordKind.PARTICLE:
                break
        return index

    def _is_part(self, index: int) -> bool:
        """Return whether a word may be part of a name."""
        token = self.chain[index]
        if token.kind is WordKind.INITIALS:
            return self._is_initial(index)
        if token.kind is not WordKind.CAPITALISED:
            return False
        if token.key in self.words.given_names:
            return self._is_given_name(index)
        if self.words.is_function(token.key):
            return self._is_acronym(token)
        if not token.shouted or not self.words.is_common(token.key):
            return True
        # New York, among words in capitals.
        begins = token.key in self.words.beginnings and self._is_rare(index + 1)
        return begins or self._ends_name(index)

    def _is_initial(self, index: int) -> bool:
        """Return whether initials belong to a name."""
        # I. and A. are often something else: they only count beside another part of a name.
        token = self.chain[index]
        if token.key not in ("i.", "a."):
            return True
        beside = self.chain[index + 1 : index + 2]
        return any(one.kind in _CASED and not self.words.is_opener(one.key) for one in beside) and (
            token.opens or self.chain[index - 1].kind is not WordKind.OTHER
        )

    def _is_acronym(self, token: NameToken) -> bool:
        """Return whether a word is US, among words that are not all in capitals."""
        return token.key == "us" and not token.shouted and self.text[token.start : token.end].isupper()

    def _ends_name(self, index: int) -> bool:
        """Return whether a common word ends a name in capitals, such as FACE in AT HUGGING FACE IN BROOKLYN."""
        following = self.chain[index + 1 : index + 2]
        return (
            index > 0
            and self._is_rare(index - 1)
            and not self.words.is_verb(self.chain[index].key)
            and any(self.words.is_function(one.key) for one in following)
        )

    def _is_rare(self, index: int) -> bool:
        """Return whether a word's capital letter marks a name."""
        if index >= len(self.chain):
            return False
        token = self.chain[index]
        is_common = token.kind is WordKind.CAPITALISED and self.words.is_common(token.key)
        return token.kind in _CASED and not is_common

    def _is_given_name(self, index: int) -> bool:
        """Return whether a word is a given name, as in Will Smith or Will said, unlike Will you or in May."""
        token = self.chain[index]
        before = self.chain[index - 1].key if index else ""
        beside = self.text[: token.start].rstrip()[-1:] + self.text[token.end :].lstrip()[:1]
        is_dated = before in self.words.before_dates or any(map(str.isdigit, beside))  # in May, 5 May
        if token.key in self.words.calendar and is_dated:
            return False
        if not token.opens:
            return True
        if self._is_surname(index + 1, token):
            return not (self.words.is_function(token.key) and self._is_asked(index + 1))
        return token.ends_name or self._is_subject(index) or self.text[token.end : token.end + 1] == ","

    def _is_surname(self, index: int, given: NameToken) -> bool:
        """Return whether a word behind a given name is part of the name. Unless shouted, any capitalised word is."""
        if self._is_rare(index):
            return True
        following = self.chain[index : index + 1]
        return not given.shouted and any(
            one.kind is WordKind.CAPITALISED and not self.words.is_opener(one.key) for one in following
        )

    def _is_asked(self, index: int) -> bool:
        """Return whether a sentence such as "Will Ann come?" asks about a name, with no verb form behind it."""
        last = index
        while self._is_rare(last + 1):
            last += 1
        rest = self.text[self.chain[last].end :]
        question = next((letter for letter in rest if letter in ".!?\n"), "") == "?"
        following = self.chain[last + 1].key if last + 1 < len(self.chain) else ""
        return question and not self.words.is_verb(following)

    def _is_subject(self, index: int) -> bool:
        """Return whether a verb or another name follows."""
        following = self.chain[index + 1 : index + 3]
        if not following or (following[0].kind is WordKind.CAPITALISED and not following[0].shouted):
            return False
        if following[0].key in ("and", "or"):
            return len(following) > 1 and self._is_rare(index + 2)
        return self.words.is_verb(following[0].key)

    def _trimmed(self, first: int, last: int) -> tuple[int, int] | None:
        """Drop the words at both ends of a run that are not part of a name; None if nothing is left."""
        while first <= last and self._is_idle(first, last):
            first += 1
        while last > first and self.words.is_opener(self.chain[last].key) and not self._is_kept(last):
            last -= 1
        while last > first and self.chain[last].kind is WordKind.PARTICLE:
            last -= 1
        return (first, last) if first <= last else None

    def _is_kept(self, index: int) -> bool:
        token = self.chain[index]
        return token.key in self.words.given_names or self._is_acronym(token)

    def _is_idle(self, index: int, last: int) -> bool:
        """Return whether the first word of a run is capitalised for another reason than a name."""
        token = self.chain[index]
        if token.kind is not WordKind.CAPITALISED:
            return token.kind is WordKind.PARTICLE and not self._leads(index)
        if self._is_kept(index):
            return False
        if self.words.is_opener(token.key) or (index == last and token.key in self.words.particles):
            return True
        loud = len(token.key) > 1 and self.text[token.start : token.end].isupper()
        if not (token.opens or loud) or not self.words.is_common(token.key):
            return False
        return index == last or (self._is_rare(index + 1) and token.key not in self.words.beginnings)
