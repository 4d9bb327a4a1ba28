"""What the work consists of: plain data, in the order in which a request goes through its model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from bot.inference.tokens import Token


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
    """

    texts: tuple[str, ...]
    how: str


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
    """The likeliest tokens at a mask.

    Attributes:
        mask: which one, from 1.
        position: of the mask among the tokens, from 0.
    """

    mask: int
    position: int
    candidates: tuple[Candidate, ...]


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
    """

    token: Token
    probability: float
    drawn_with: float
    alternatives: tuple[Candidate, ...]
    nucleus: int


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
    """

    name: str
    place: int
    candidates: tuple[Reshaped, ...]
    chosen: int
    temperature: float
    top_p: float


@dataclass(frozen=True)
class Lengths:
    """How much an encoder-decoder read and wrote, in tokens."""

    encoder: int
    decoder: int


@dataclass(frozen=True)
class Attribution:
    """How much each token spoke for a label.

    Attributes:
        label: what the positive scores speak for.
        tokens: of the text.
        scores: one per token; they sum to about `difference`.
        difference: of the label's logit (or score) between the text and the baseline, an empty text.
        method: such as "integrated gradients, 50 steps".
    """

    label: str
    tokens: tuple[Token, ...]
    scores: tuple[float, ...]
    difference: float
    method: str


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
    | Attribution
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
