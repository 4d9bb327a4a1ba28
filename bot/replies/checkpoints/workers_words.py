"""Words of the workers, which know nothing of who reads them, in the language of whoever does."""

from __future__ import annotations

from bot.locales.message import _, later

ACTIVITIES = {
    # Translators: what the bot is doing with a checkpoint that it fetches; a percentage may follow.
    "waiting": later("waiting"),
    "downloading": later("downloading"),
    "checking": later("checking"),
    "converting": later("converting"),
}
POSITIONS = {
    # Translators: kinds of position embeddings, as they follow a colon.
    "rotary (RoPE)": later("rotary (RoPE)"),
    "sinusoidal, fixed": later("sinusoidal, fixed"),
    "relative, learned for distances": later("relative, learned for distances"),
    "learned, one for each position": later("learned, one for each position"),
}
HEADS = {
    # Translators: kinds of heads, as they follow "Head:".
    "sequence classifier": later("sequence classifier"),
    "masked language model": later("masked language model"),
    "causal language model": later("causal language model"),
    "encoder-decoder language model": later("encoder-decoder language model"),
    "token classifier": later("token classifier"),
    "sentence encoder": later("sentence encoder"),
    "question answering model": later("question answering model"),
}
REASONS = {
    # Translators: why a checkpoint has its precision, as it follows "Precision float32: ".
    "set by PRECISION": later("set by PRECISION"),
    "the default on mps": later("the default on mps"),
    "this CPU multiplies it natively": later("this CPU multiplies it natively"),
    "this GPU multiplies it natively": later("this GPU multiplies it natively"),
    "this CPU does not multiply bfloat16 natively": later("this CPU does not multiply bfloat16 natively"),
    "this GPU does not multiply bfloat16 natively": later("this GPU does not multiply bfloat16 natively"),
}


def activity_in_words(activity: str) -> str:
    """Return what a fetch is doing; a worker of another version may know other words."""
    return str(ACTIVITIES.get(activity, activity))


def head_in_words(kind: str) -> str:
    """Return the kind of a head."""
    return str(HEADS.get(kind, kind))


def precision_in_words(reason: str) -> str:
    """Return a precision and why it is this one, which stand on the two sides of a colon."""
    precision, _colon, why = reason.partition(": ")
    return _("{name}: {fact}", name=precision, fact=REASONS[why]) if why in REASONS else reason


def positions_in_words(kind: str) -> str:
    """Return a kind of position embeddings."""
    return str(POSITIONS.get(kind, kind))
