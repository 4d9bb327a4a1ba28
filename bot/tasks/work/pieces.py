"""What the work consists of: plain data, in the order in which a request goes through its model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from bot.inference.heads.pooling import PoolingMode
from bot.inference.tokenization.tokens import Token

if TYPE_CHECKING:
    from bot.inference.heads.inspection.integrated_gradients import Stretch


class Family(StrEnum):
    """The three families of transformers."""

    ENCODER = "encoder"
    DECODER = "decoder"
    ENCODER_DECODER = "encoder-decoder"


class Function(StrEnum):
    """What makes probabilities of logits."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"


@dataclass(frozen=True)
class Prepared:
    """The text as the model is given it: a prompt, a template filled in, a pair of texts.

    Attributes:
        texts: one for each sequence that the model reads; the second of a pair follows the first. A text that is paired
            with each of several others stands once, in front of them.
        how: a sentence on what the task has done to the user's text.
        to_end: whether the end of the texts says more than their start, where there is no room for all.
    """

    texts: tuple[str, ...]
    how: str
    to_end: bool = False


@dataclass(frozen=True)
class Tokens:
    """Token ids that the model reads.

    Attributes:
        rows: a sequence each.
        names: what each row is, such as a label; empty where there is one row.
        shape: (batch, sequence) of `input_ids`, padding included.
        truncated: whether the end (or for decoders the start) was left out.
        note: a further sentence, such as which side is padded.
    """

    rows: tuple[tuple[Token, ...], ...]
    names: tuple[str, ...]
    shape: tuple[int, int]
    truncated: bool
    note: str = ""


@dataclass(frozen=True)
class Architecture:
    """The model that read them.

    Attributes:
        model_type: as in `config.json`: `distilbert`, `t5`.
        layers: of the encoder, or of the decoder where there is no encoder.
        decoder_layers: of an encoder-decoder's decoder, else 0.
        heads: attention heads of each layer.
        context: the longest input in tokens.
    """

    family: Family
    model_type: str
    layers: int
    decoder_layers: int
    heads: int
    hidden_size: int
    parameters: int
    vocabulary: int
    context: int


@dataclass(frozen=True)
class HiddenStates:
    """What the layers made of the tokens.

    Attributes:
        part: "encoder" or "decoder" where there are both, else "".
        shape: of `last_hidden_state`: (batch, sequence, hidden).
        norms: mean Euclidean norm of a token's vector, of the embeddings first, then after each layer; the last after
            the model's final normalisation, where it has one.
        row: which of the rows of `Tokens` this is about, by its name; "" where there is one.
    """

    part: str
    shape: tuple[int, int, int]
    norms: tuple[float, ...]
    row: str = ""


@dataclass(frozen=True)
class Logits:
    """The output of the classification head, and what the function made of it.

    Attributes:
        labels: `id2label`, in the order of the ids.
        logits: one per label.
        probabilities: one per label.
    """

    labels: tuple[str, ...]
    logits: tuple[float, ...]
    function: Function
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class Candidate:
    """A token that might stand at a place.

    Attributes:
        logit: None where only the probability is known.
        probability: 0 to 1.
    """

    text: str
    id: int
    logit: float | None
    probability: float


@dataclass(frozen=True)
class MaskCandidates:
    """The likeliest tokens at a mask that are words.

    Attributes:
        mask: which one, from 1.
        position: of the mask among the tokens, from 0.
        left_out: the tokens that are likelier than the last of them, and no words.
    """

    mask: int
    position: int
    candidates: tuple[Candidate, ...]
    left_out: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class RescoredCandidate:
    """A word proposed for a mask by a causal language model, weighed by the whole sentence.

    Attributes:
        log_probability: of the sentence with the word in place.
        probability: its share among all candidates.
        as_answer: log-probability of the word as the answer to the question that shows what stands after the mask; a
            part of it is added to the sentence's.
    """

    word: str
    log_probability: float
    probability: float
    as_answer: float = 0.0


@dataclass(frozen=True)
class RescoredCandidates:
    """Which words were proposed for a mask, and how likely the sentence became with each.

    Attributes:
        mask: which one, from 1.
        how: how words are proposed and weighed, with the constants.
        candidates: all that were proposed (about fifty), likeliest first.
    """

    mask: int
    how: str
    candidates: tuple[RescoredCandidate, ...]


@dataclass(frozen=True)
class Inference:
    """What a natural language inference model made of a pair of text and hypothesis.

    Attributes:
        hypothesis: the label in its template.
        logits: by the model's own labels, in the order of `Inferences.classes`.
        probability: of the label, in the answer.
    """

    label: str
    hypothesis: str
    logits: tuple[float, ...]
    probability: float


@dataclass(frozen=True)
class Inferences:
    """Zero-shot classification by natural language inference.

    Attributes:
        classes: the model's labels by id, such as contradiction, neutral, entailment.
        how: a sentence on which logits became the result, and by which function.
    """

    classes: tuple[str, ...]
    rows: tuple[Inference, ...]
    how: str


@dataclass(frozen=True)
class WeighedLabel:
    """A label scored by a causal language model.

    Attributes:
        log_probability: after the text; a mean over prompts and words.
        baseline: the same measured without the text (the calibration).
        score: what goes into the function.
        probability: in the answer.
    """

    label: str
    log_probability: float
    baseline: float
    score: float
    probability: float


@dataclass(frozen=True)
class WeighedLabels:
    """Classification by prompting a causal language model.

    Attributes:
        how: how the score and the probability come about, with the constants.
    """

    rows: tuple[WeighedLabel, ...]
    how: str


@dataclass(frozen=True)
class WrittenToken:
    """A token that the model wrote.

    Attributes:
        probability: that the model gave it, before temperature and top_p.
        drawn_with: its probability after temperature and top_p; equal to 1 where the likeliest is always taken.
        alternatives: the five likeliest others, before temperature and top_p.
        nucleus: how many tokens top_p left.
        apart: whether no word stands right before it that it could continue: it is behind a line break, say.
    """

    token: Token
    probability: float
    drawn_with: float
    alternatives: tuple[Candidate, ...]
    nucleus: int
    apart: bool = False


@dataclass(frozen=True)
class Written:
    """A text that the model wrote, token by token.

    Attributes:
        name: which of several texts; "" where there is one.
        temperature: 0 where the likeliest token was always taken.
        top_p: 1 where nothing was cut off.
        ended: whether the model ended the text itself.
    """

    name: str
    tokens: tuple[WrittenToken, ...]
    temperature: float
    top_p: float
    ended: bool


@dataclass(frozen=True)
class Reshaped:
    """A token's probability before and after temperature and top_p.

    Attributes:
        text: as it follows in the text, with the space before it where it begins a word.
        before: by the model alone.
        after: when it is drawn; 0 where it was cut off.
    """

    text: str
    id: int
    before: float
    after: float


@dataclass(frozen=True)
class Distribution:
    """What temperature and top_p did to the probabilities at one place of a written text.

    Attributes:
        name: of the text, as that of its `Written`.
        place: among the text's tokens, from 0.
        candidates: the likeliest, in order; last the written token, where it is not one of them.
        chosen: which of them was written.
        temperature: 0 where the likeliest token was always taken.
        top_p: 1 where nothing was cut off.
        apart: as that of its `WrittenToken`.
    """

    name: str
    place: int
    candidates: tuple[Reshaped, ...]
    chosen: int
    temperature: float
    top_p: float
    apart: bool = False


@dataclass(frozen=True)
class Lengths:
    """How much an encoder-decoder read and wrote, in tokens."""

    encoder: int
    decoder: int


@dataclass(frozen=True)
class PostponedAttribution:
    """Stands for an `Attribution` that is computed when somebody opens its page, because it takes seconds.

    Attributes:
        label: what its positive scores will speak for.
        path: from the baseline to the text, as one stretch.
        places: of the text's tokens among those that are read.
        baseline: what the text is compared with, in words.
        explained: the number that is explained, in words that end a sentence.
    """

    label: str
    path: Stretch
    places: tuple[int, ...]
    baseline: str
    explained: str


@dataclass(frozen=True)
class OmittedAttribution:
    """Stands for an `Attribution` that is not computed, because nobody would wait for it.

    Attributes:
        tokens: what the model would have to read for one gradient.
        most: of how many tokens an attribution is computed.
    """

    tokens: int
    most: int


@dataclass(frozen=True)
class Attribution:
    """How much each token spoke for a label.

    Attributes:
        label: what the positive scores speak for.
        tokens: of the text.
        scores: one per token; they sum to about `difference`.
        difference: of the label's logit (or score) between the text and the baseline, an empty text.
        method: such as "integrated gradients, 50 steps", which sentences may follow.
    """

    label: str
    tokens: tuple[Token, ...]
    scores: tuple[float, ...]
    difference: float
    method: str


@dataclass(frozen=True)
class Ending:
    """Where a text ends, of a command that has rules for it, and why.

    Attributes:
        why: in words.
        tokens: how many were written, without the one that ended the text.
        kept: how many of them the answer takes.
        rest: the text behind it, which was cut off; "" where nothing was.
    """

    why: str
    tokens: int
    kept: int
    rest: str = ""


@dataclass(frozen=True)
class Decision:
    """What the answer says.

    Attributes:
        sentence: in words, such as "The largest probability is NEGATIVE's, so the answer is NEGATIVE."
        label: the answer itself, where it is one.
        probability: of it.
    """

    sentence: str
    label: str | None = None
    probability: float | None = None


@dataclass(frozen=True)
class TokenLogits:
    """The output of a token classifier's head for one token, as an example for all of them.

    Attributes:
        place: of the token among the tokens, from 0.
    """

    token: Token
    place: int
    logits: Logits


@dataclass(frozen=True)
class LabelledToken:
    """A token with its label.

    Attributes:
        label: the likeliest; None of special tokens, which stand for no text.
        logits: one per label.
        probabilities: one per label.
    """

    token: Token
    label: str | None
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class LabelledTokens:
    """What a token classifier's head makes of every token.

    Attributes:
        labels: `id2label`, in the order of the ids.
        rows: a token each, in the text's order.
    """

    labels: tuple[str, ...]
    rows: tuple[LabelledToken, ...]


@dataclass(frozen=True)
class LabelledWord:
    """A word with the label of its first token.

    Attributes:
        text: as it stands in the text.
        tokens: what it consists of.
        probability: of the label.
    """

    text: str
    tokens: tuple[LabelledToken, ...]
    label: str
    probability: float


@dataclass(frozen=True)
class LabelledWords:
    """How the tokens of each word were put together.

    Attributes:
        marked: whether the tokenizer marks tokens that continue a word; where it does not, each token is a word.
    """

    rows: tuple[LabelledWord, ...]
    marked: bool


@dataclass(frozen=True)
class Span:
    """A part of the text that became an entity.

    Attributes:
        text: as it stands in the text.
        start: its first character.
        end: the character after its last one.
        label: without `B-` and `I-`.
        probability: the mean over the words.
    """

    text: str
    start: int
    end: int
    label: str
    words: tuple[LabelledWord, ...]
    probability: float


@dataclass(frozen=True)
class Spans:
    """How words became entities.

    Attributes:
        rows: the entities in their order; none where every word is outside.
        outside: how many words are in none of them.
    """

    rows: tuple[Span, ...]
    outside: int


@dataclass(frozen=True)
class PossibleAnswer:
    """An answer to a question, as a causal language model weighs it.

    Attributes:
        text: what would follow the question.
        log_probability: of its tokens after the question.
        share: its probability among the possible answers; they add up to 1.
    """

    text: str
    log_probability: float
    share: float


@dataclass(frozen=True)
class Question:
    """A question to a causal language model.

    Attributes:
        name: of its row among the tokens.
        answers: those that are weighed.
    """

    name: str
    answers: tuple[PossibleAnswer, ...]


@dataclass(frozen=True)
class Questions:
    """What a causal language model would answer about a name, as an example for all names."""

    about: str
    rows: tuple[Question, ...]


@dataclass(frozen=True)
class NameKinds:
    """A name with the probability of each kind.

    Attributes:
        places: how often it stands in the text.
        scores: one per kind.
        probabilities: one per kind.
    """

    name: str
    places: int
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class WeighedNames:
    """The kinds of all names that a causal language model was asked about.

    Attributes:
        kinds: such as PER and LOC.
        outside: the kind of what is no entity.
        truncated: whether there are more names in the text.
    """

    kinds: tuple[str, ...]
    outside: str
    rows: tuple[NameKinds, ...]
    truncated: bool


@dataclass(frozen=True)
class PooledText:
    """A text as one vector.

    Attributes:
        tokens: that were read of it.
        vector: as the pooling left it.
        norm: its Euclidean length.
        unit: the vector divided by it, so that its length is 1.
    """

    text: str
    tokens: int
    vector: tuple[float, ...]
    norm: float
    unit: tuple[float, ...]


@dataclass(frozen=True)
class Pooled:
    """How the hidden states of a text's tokens became one vector."""

    mode: PoolingMode
    rows: tuple[PooledText, ...]


@dataclass(frozen=True)
class Product:
    """A number of one vector times the number at the same place of another one.

    Attributes:
        place: in the vectors, from 0.
    """

    place: int
    first: float
    second: float


@dataclass(frozen=True)
class DotProduct:
    """The cosine of two vectors of length 1, worked out.

    Attributes:
        pair: which of the texts, from 0.
        products: all of them, largest first, whatever their sign; their sum is the cosine.
    """

    pair: tuple[int, int]
    products: tuple[Product, ...]
    cosine: float


@dataclass(frozen=True)
class Cosines:
    """How alike texts are.

    Attributes:
        values: a row for each text, −1 to 1.
        ranked: whether the others were compared with the first one; else all with each other.
    """

    texts: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    ranked: bool


class Edge(StrEnum):
    """Of an answer that stands in a text."""

    START = "start"
    END = "end"


@dataclass(frozen=True)
class EdgeToken:
    """A token at which an answer may begin or end.

    Attributes:
        place: among the tokens of its window, from 0.
        probability: softmax over all tokens of its `EdgeLogits`.
    """

    place: int
    token: Token
    logit: float
    probability: float


@dataclass(frozen=True)
class EdgeLogits:
    """Where a question-answering head sees the start of an answer, or its end.

    Attributes:
        window: the part of the context that this is about, by its name; "" where the context is read at once.
        tokens: the first one, which stands for "not in the text", then the context's, in their order.
        chosen: the index of the likeliest answer's edge; None where no answer has a probability.
        masked: how many other tokens the window has (the question's, special ones): they have a logit too, and
            softmax leaves them out.
    """

    edge: Edge
    window: str
    tokens: tuple[EdgeToken, ...]
    chosen: int | None
    masked: int


@dataclass(frozen=True)
class SpanCandidate:
    """A part of the context that may be the answer.

    Attributes:
        text: as it stands in the context.
        first: the place of its first token among those of the window.
        last: the place of its last token.
        start: the probability that the answer begins with its first token.
        end: the probability that the answer ends with its last token.
        probability: the product of both.
    """

    text: str
    first: int
    last: int
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class SpanCandidates:
    """How starts and ends became answers.

    Attributes:
        window: as of `EdgeLogits`.
        candidates: the likeliest, in order; none where no span has a probability.
        absent: the first token as start and end: "not in the text".
        how: which spans are allowed, and how the likeliest one's tokens became characters.
    """

    window: str
    candidates: tuple[SpanCandidate, ...]
    absent: SpanCandidate
    how: str


@dataclass(frozen=True)
class WindowAnswer:
    """What a question-answering head found in one window of the context.

    Attributes:
        text: the likeliest answer.
        probability: of it.
        absent: the probability that the answer is not in this window.
    """

    name: str
    text: str
    probability: float
    absent: float


@dataclass(frozen=True)
class WindowAnswers:
    """The answers of several windows.

    Attributes:
        rows: in the order of the context; two at least.
        how: which of them count.
    """

    rows: tuple[WindowAnswer, ...]
    how: str


@dataclass(frozen=True)
class Quotation:
    """Where a written answer stands in the context.

    Attributes:
        line: as the model wrote it.
        answer: the line, tidied up.
        quote: the part of the context that is marked; "" where none is.
        how: why that one, or why none.
    """

    line: str
    answer: str
    quote: str
    how: str


@dataclass(frozen=True)
class WeighedToken:
    """A token of an answer.

    Attributes:
        after: its log-probability after the context.
        usual: the same after a text that says nothing about it.
    """

    token: Token
    after: float
    usual: float


@dataclass(frozen=True)
class WeighedAnswer:
    """By how much the context makes a written answer likelier.

    Attributes:
        neutral: the text that says nothing about it.
        how: how the probability comes about, with the constants.
    """

    tokens: tuple[WeighedToken, ...]
    neutral: str
    how: str


@dataclass(frozen=True)
class PartSummary:
    """What was written about a part of a long text.

    Attributes:
        read: the part's tokens.
        written: the summary's tokens.
        text: the summary.
    """

    read: int
    written: int
    text: str


@dataclass(frozen=True)
class SummaryRounds:
    """How a text that is too long for one reading was summarised.

    Attributes:
        rounds: the parts of each round, in order. What was written in one is read in the next.
        how: how the text was cut, and which texts are opened.
    """

    rounds: tuple[tuple[PartSummary, ...], ...]
    how: str


Piece: TypeAlias = (
    Prepared
    | Tokens
    | Architecture
    | HiddenStates
    | Logits
    | MaskCandidates
    | RescoredCandidates
    | Inferences
    | WeighedLabels
    | Lengths
    | Written
    | Distribution
    | PostponedAttribution
    | OmittedAttribution
    | Attribution
    | Ending
    | TokenLogits
    | LabelledTokens
    | LabelledWords
    | Spans
    | Questions
    | WeighedNames
    | Pooled
    | DotProduct
    | Cosines
    | EdgeLogits
    | SpanCandidates
    | WindowAnswers
    | Quotation
    | WeighedAnswer
    | SummaryRounds
    | Decision
)


@dataclass(frozen=True)
class Work:
    """How an answer came about.

    Attributes:
        task: the command's name.
        pieces: in the order of the request's path.
    """

    task: str
    pieces: tuple[Piece, ...]
