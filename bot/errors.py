"""Everything that can go wrong, each with the sentence that the user is told.

::

    GlassboxError
    ├── InvalidRequest      the request cannot be answered as it stands; says what to change
    ├── Refused             the request is fine, but it is not accepted now
    │   ├── QueueFull
    │   ├── TooManyRequests one person has too many requests waiting
    │   ├── ShuttingDown
    │   ├── NotAllowedHere  the server prohibits it
    │   ├── SettingsUnknown nobody knows what the server prohibits
    │   ├── QuotaUsedUp     a member has had as many answers as the server allows
    │   ├── DiscordAvoided  Discord has refused so much lately that it is left alone
    │   └── ModelsUnreachable   the models are on another machine, and nothing answers there
    ├── Unanswered          the request was accepted, and could not be answered
    │   ├── DeadlinePassed
    │   │   └── StillLoading    its checkpoint was not loaded in time
    │   ├── NotResponding   a thread hangs on it, or on another request before it
    │   ├── DeviceFailed    the device has failed for good, in this request or another
    │   ├── OutOfMemory     even alone it does not fit into the device's memory
    │   ├── ConnectionLost  the connection to another machine broke off before the answer
    │   ├── NotFinite       the model computed NaN or infinity
    │   └── ModelFailed     the forward pass raised an error
    ├── ModelUnavailable    the checkpoint cannot be fetched or loaded
    │   └── HubUnreachable
    ├── ButtonRefused       a button under an answer cannot do its work
    │   ├── RequestForgotten
    │   │   └── RequestUnreadable   the key that it was stored with is missing
    │   ├── RequestOutOfReach   the database can't be used now
    │   ├── AlreadyEnded    there is nothing left to stop
    │   └── SomebodyElses   only the person who asked may do this
    ├── ProcessBroken       only a new process helps, so this one ends (exit status 70)
    │   ├── HungAgain       threads hang repeatedly
    │   ├── LoadHung        a thread hangs, and nothing can be loaded beside it
    │   └── DeviceGone      a device computes nothing more in this process
    └── SettingsError       a setting is missing or wrong (exit status 2)

A sentence is a `Message` (`bot.locales`), which is translated when somebody reads it: `sentence` has it in the locale
of the running task, `english` as logs and programs have it. It never contains another exception's text, which may hold
paths, tokens or somebody's message. For all other exceptions, the user reads `UNEXPECTED`, and the log holds the class
and the line (`describe`).
"""

from __future__ import annotations

import math
import traceback
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from bot.locales.current import ENGLISH, written_in
from bot.locales.message import Message, later, later_plural
from bot.locales.values import later_joined, later_seconds

UNEXPECTED = later("Something went wrong on my side, and it has been logged. Please try again in a moment.")

MOST_NAMES = 12
"""Checkpoints in one sentence."""
LONGEST_NAME = 80


class GlassboxError(Exception):
    """Base of all errors that carry a sentence for the user, by default the class's `SENTENCE`.

    Attributes:
        message: the sentence; a `Message` is translated when it is read.
    """

    SENTENCE: str | Message = ""

    def __init__(self, sentence: str | Message = "") -> None:
        self.message = sentence or self.SENTENCE
        super().__init__(self.english)

    @property
    def sentence(self) -> str:
        """The sentence in the current locale, for whoever reads it now."""
        return str(self.message)

    @property
    def english(self) -> str:
        """The sentence in English, for logs and for programs."""
        with written_in(ENGLISH):
            return str(self.message)


class InvalidRequest(GlassboxError):
    """The request cannot be answered as it stands."""


class Refused(GlassboxError):
    """The request is fine, but it is not accepted now."""


class QueueFull(Refused):
    """The queue is full, for about `wait` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(
            # Translators: {wait} is a time, such as "20 seconds".
            later(
                "Too many people are asking at once. Please try again in about {wait}.",
                wait=later_seconds(wait),
            )
        )
        self.wait = wait


class TooManyRequests(Refused):
    """One person has as many requests waiting as `limit` allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            later_plural(
                "You already have a request waiting. Please wait for an answer before you ask again.",
                "You already have {count} requests waiting. Please wait for an answer before you ask again.",
                limit,
            )
        )
        self.limit = limit


class ShuttingDown(Refused):
    """The worker accepts no new requests, and finishes those that are running."""

    SENTENCE = later("I am being restarted. Please try again in a minute.")


class NotAllowedHere(Refused):
    """The server that somebody asks in prohibits it."""


class SettingsUnknown(Refused):
    """What a server has set is not known, because the database fails."""

    SENTENCE = later(
        "I cannot look up what this server allows at the moment, so I had better not answer here. Please try again in "
        "a minute."
    )


class QuotaUsedUp(Refused):
    """A member has had as many answers as the server allows.

    Args:
        quota: in words, such as "20 answers an hour".
        until: when they may ask again, in seconds since 1970.
    """

    def __init__(self, quota: str | Message, until: float) -> None:
        super().__init__(
            later(
                # Translators: {quota} is such as "20 answers an hour"; Discord writes {when} as "in 12 minutes".
                "You have used up your quota in this server: {quota}. It works again {when}.",
                quota=quota,
                when=f"<t:{math.ceil(until)}:R>",
            )
        )
        self.until = until


class ModelsUnreachable(Refused):
    """The models are on another machine, and nothing there answers."""

    SENTENCE = later("My models cannot be reached at the moment. Please try again in a minute.")


class DiscordAvoided(Refused):
    """Discord has refused so much lately that something is not asked of it. Nothing was sent."""

    SENTENCE = later("Discord refuses too much of what I ask it at the moment. Please try again in ten minutes.")


class Unanswered(GlassboxError):
    """The request was accepted, and could not be answered."""


class ConnectionLost(Unanswered):
    """The connection to the machine of the models broke off before the answer."""

    SENTENCE = later("The connection to my models broke off before the answer was complete. Please ask again.")


class DeadlinePassed(Unanswered):
    """The answer did not arrive within some seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            later(
                # Translators: {time} is such as "2 minutes".
                "This took longer than {time}, so I stopped. "
                "Try a shorter text, or try again when fewer people are asking.",
                time=later_seconds(seconds),
            )
        )


class StillLoading(DeadlinePassed):
    """The checkpoint is not loaded yet, so a shorter text would not help.

    Args:
        name: of the checkpoint.
        seconds: until it should be loaded; None if unknown.
    """

    def __init__(self, name: str, seconds: float | None) -> None:
        # The estimate of an overdue load stays at one second.
        if seconds is None or seconds <= 1:
            sentence = later("{name} is still loading. Please try again in a few minutes.", name=name)
        else:
            sentence = later(
                # Translators: {time} is such as "2 minutes".
                "{name} is still loading. Please try again in about {time}.",
                name=name,
                time=later_seconds(seconds),
            )
        Unanswered.__init__(self, sentence)
        self.seconds = seconds


class NotResponding(Unanswered):
    """A thread hangs in a computation that the answer needs."""

    SENTENCE = later(
        "The model has stopped responding. That is not because of your text, and it has been logged. I start the "
        "model anew: please ask again in a few minutes."
    )


class DeviceFailed(Unanswered):
    """The device has failed for good, while it computed this request or another."""

    SENTENCE = later(
        "The device that I compute on has failed. That is not because of your text, and it has been logged. I am "
        "being restarted: please ask again in a few minutes."
    )


class OutOfMemory(Unanswered):
    """The request does not fit into the device's memory, even alone."""

    SENTENCE = later("This text is too much for the memory of my device. Please try a shorter one.")


class ModelFailed(Unanswered):
    """The model raised an error on this request, even when it was run alone."""

    SENTENCE = later("The model failed on this text, and the failure has been logged. Please try a different one.")


class NotFinite(Unanswered):
    """The model computed NaN or infinity: its weights are damaged, or overflow in their data type."""

    SENTENCE = later(
        "The model's numbers for this text are not finite, so there is no answer, and that has been logged. Try "
        "another text. If it happens again, whoever runs this bot should fetch the checkpoint again, or set "
        "PRECISION=float32."
    )


class ModelUnavailable(GlassboxError):
    """The checkpoint cannot be fetched or loaded."""


class HubUnreachable(ModelUnavailable):
    """The hub does not answer, so the checkpoints with these names cannot be fetched."""

    def __init__(self, names: Sequence[str]) -> None:
        shown: list[str | Message] = [named(name) for name in names[:MOST_NAMES]]
        if len(names) > MOST_NAMES:
            shown.append(and_more(len(names) - MOST_NAMES))
        super().__init__(
            later(
                "The Hugging Face hub cannot be reached, so {checkpoints} cannot be fetched. Run `python -m bot pull` "
                "when there is a connection, or set PRESET=starter, which needs no hub.",
                checkpoints=later_joined(shown),
            )
        )
        self.names = tuple(names)


class ButtonRefused(GlassboxError):
    """A button under an answer cannot do its work."""


class RequestForgotten(ButtonRefused):
    """The request behind a button has been deleted."""

    SENTENCE = later("I no longer know what this answered: I forget requests after 30 days. Please ask again.")


class RequestOutOfReach(ButtonRefused):
    """The database in which the request behind a button is kept can't be used now."""

    SENTENCE = later("I cannot look up what this answered just now. Please try again in a minute.")


class RequestUnreadable(RequestForgotten):
    """The request behind a button was stored with a key that is missing now."""

    SENTENCE = later(
        "I can no longer read what this answered: the key that it was stored with is missing. Please ask again. "
        "Whoever runs this bot can add that key to STORAGE_KEYS."
    )


class AlreadyEnded(ButtonRefused):
    """The answer is complete, or the bot was restarted."""

    SENTENCE = later("This answer has already ended, so there is nothing to stop. To have another one, ask again.")


class SomebodyElses(ButtonRefused):
    """Only the person who asked may do this."""

    SENTENCE = later("Only the person who asked can stop this answer. Ask for one of your own if you like.")


class ProcessBroken(GlassboxError):
    """Only a new process helps. Everybody has been told."""


class HungAgain(ProcessBroken):
    """Threads hang repeatedly."""

    SENTENCE = later(
        "A model has hung for the second time, so I end: only a new process helps. The log names what hung. If it "
        "was only slow, raise HANG_SECONDS."
    )


class LoadHung(ProcessBroken):
    """A thread hangs while it loads a checkpoint, in a state in which no other one can be loaded."""

    SENTENCE = later(
        "A checkpoint has not finished loading, and no other one can be loaded beside it, so I end: only a new process "
        "helps. The log names the checkpoint. Check the disk that it lies on."
    )


class DeviceGone(ProcessBroken):
    """A device computes nothing more in this process."""

    SENTENCE = later(
        "A device has failed and computes nothing more, so I end: only a new process helps. If it happens again, check "
        "the device's driver and memory."
    )


class SettingsError(GlassboxError):
    """A setting is missing or wrong."""


def no_checkpoint(task: str) -> ModelUnavailable:
    """Return the error of a command that has no checkpoint."""
    return ModelUnavailable(
        later("No checkpoint is set for {command}. Whoever runs this bot can set one.", command=f"/{task}")
    )


def and_more(number: int) -> Message:
    """Return how many names a list leaves out, as its last one: "3 more"."""
    # Translators: the end of a list of names, such as "a, b and 3 more".
    return later_plural("{count} more", "{count} more", number)


def named(name: str) -> str:
    """Make a checkpoint's name safe for a sentence: one short line without Markdown, links or mentions."""
    plain = " ".join("".join(one for one in name if one.isprintable() and one not in "\\`*~|<>[]@").split())
    return plain if len(plain) <= LONGEST_NAME else plain[: LONGEST_NAME - 1] + "…"


def echoed(typed: str) -> str:
    """Make a name that somebody typed safe for a sentence: without Markdown, links or mentions."""
    return "".join(one for one in typed if unicodedata.category(one)[0] in "LMN" or one in " -'.+#").strip()[:40]


def describe(error: BaseException) -> str:
    """Return the class and the innermost frame of an error for the log, without its text, which may hold a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    last = frames[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno} in {last.name}"
