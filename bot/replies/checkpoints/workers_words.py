"""Words of the workers, which know nothing of who reads them, in the language of whoever does."""

from __future__ import annotations

from bot.inference.checkpoints.spec import UNSTATED_LICENCE
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


def activity_in_words(activity: str) -> str:
    """Return what a fetch is doing; a worker of another version may know other words."""
    return str(ACTIVITIES.get(activity, activity))


def head_in_words(kind: str) -> str:
    """Return the kind of a head."""
    return str(HEADS.get(kind, kind))


def licence_in_words(licence: str) -> str:
    """Return the name of a licence, or that there is none."""
    # Translators: stands after "Licence: ".
    return _("not stated; see where it comes from") if licence == UNSTATED_LICENCE else licence


def precision_in_words(reason: str) -> str:
    """Return a precision and why it is this one, which stand on the two sides of a colon."""
    precision, _colon, why = reason.partition(": ")
    return _("{name}: {fact}", name=precision, fact=REASONS[why]) if why in REASONS else reason


def positions_in_words(kind: str) -> str:
    """Return a kind of position embeddings."""
    return str(POSITIONS.get(kind, kind))


def head_in_words(kind: str) -> str:
    """Return the kind of a head."""
    return str(HEADS.get(kind, kind))
