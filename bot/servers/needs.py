"""What commands and message features need beside what Discord knows of them: intents, permissions, and who may.

`python -m tests.command_table` writes it into `docs/COMMANDS-TABLE.md`, and a test fails if a command has no row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MESSAGE_CONTENT = "Message Content"
READ_HISTORY = ("View Channel", "Read Message History")
SEND = ("View Channel", "Send Messages", "Send Messages in Threads", "Embed Links", "Attach Files")
WHO_MANAGES_FORUMS = "Manage Channels in the forum, checked again at every click"
WHO_READS = "Those who may read the channel"

SHARING = (
    "Only the person who asks sees the answer; Share needs Send Messages and Embed Links, of the person and the bot"
)


@dataclass(frozen=True)
class Needs:
    """The needs of a command or a message feature.

    Attributes:
        who: may use it, beside the permissions that Discord checks; empty for everybody.
        intents: privileged ones, by Discord's names.
        permissions: of the bot in the channel, by Discord's names. Answers to interactions need none.
        note: about a part of it that needs more.
        about: what it does, if it is no command.
    """

    who: str = ""
    intents: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    note: str = ""
    about: str = ""


NOTHING = Needs()

COMMANDS: Mapping[str, Needs] = {
    "answer": NOTHING,
    "attention": NOTHING,
    "batch": Needs(
        note="A file that takes longer than 15 minutes comes in a message of the channel, which needs Send Messages "
        "and Attach Files, or else in a direct message"
    ),
    "chat": NOTHING,
    "compare": NOTHING,
    "complete": NOTHING,
    "entities": NOTHING,
    "fill": NOTHING,
    "forum-tags dry-run": Needs(
        who=WHO_MANAGES_FORUMS,
        intents=(MESSAGE_CONTENT,),
        permissions=READ_HISTORY,
        note="Without the intent it reads only the titles of posts",
    ),
    "forum-tags report": Needs(who=WHO_MANAGES_FORUMS),
    "forum-tags setup": Needs(who=WHO_MANAGES_FORUMS),
    "generate": NOTHING,
    "guess": NOTHING,
    "help": NOTHING,
    "inspect": NOTHING,
    "language": NOTHING,
    "models": NOTHING,
    "mood": Needs(who=WHO_READS, intents=(MESSAGE_CONTENT,), permissions=READ_HISTORY),
    "privacy": NOTHING,
    "sentiment": NOTHING,
    "settings": Needs(who="Manage Server, checked again at every click"),
    "similarity": NOTHING,
    "status": Needs(who="Owners of the application, and its team"),
    "summarize": Needs(
        permissions=READ_HISTORY,
        note=f"Only `messages` needs these permissions, of the person too; without {MESSAGE_CONTENT} Discord shows the "
        "bot only messages that mention it",
    ),
    "tokenize": NOTHING,
    "topics": Needs(who=WHO_READS, intents=(MESSAGE_CONTENT,), permissions=READ_HISTORY),
    "translate": NOTHING,
    "zeroshot": NOTHING,
}
"""By the names of slash commands, with their subcommands."""

MENUS: Mapping[str, Needs] = {
    "Entities": Needs(note=SHARING),
    "Sentiment": Needs(note=SHARING),
    "Show the work": Needs(note=SHARING),
    "Summarise": Needs(note=SHARING),
    "Translate": Needs(note=SHARING),
}
"""By the names of message menus. Discord hands over the message, so they need no intent."""

MESSAGE_FEATURES: Mapping[str, Needs] = {
    "mentions": Needs(
        about="Answers messages that mention the bot, and replies to its own",
        permissions=(*SEND, "Read Message History"),
        note="Threads of their own also need Create Public Threads; `/settings` can switch it off",
    ),
    "flag reactions": Needs(
        about="Translates a message under a flag",
        intents=(MESSAGE_CONTENT,),
        permissions=(*READ_HISTORY, "Send Messages", "Embed Links"),
        note="Off until `/settings` switches it on; not where answers are private, because a reaction can have none",
    ),
    "forum tags": Needs(
        about="Proposes or applies the forum's tags to new posts",
        intents=(MESSAGE_CONTENT,),
        permissions=(*READ_HISTORY, "Manage Threads", "Send Messages in Threads", "Embed Links"),
        note="Off until `/forum-tags setup` switches it on in a forum; without the intent it reads only titles",
    ),
}
"""By the values of `MessageFeature`."""
