"""The registry: each table with something about a person, and the tables with nothing.

A table of `bot.storage.tables` is in one of the two lists; a test fails otherwise. A new table takes an entry here, and
`/privacy`, its export and its deletion know it.
"""

from __future__ import annotations

from sqlalchemy import Connection, and_, exists, or_, select, true, update

from bot.locales.message import later, later_plural
from bot.storage.personal.holding import INTERACTION, PERSON, Holding
from bot.storage.tables import (
    BATCH_ANSWERS,
    BATCH_PARTS,
    BATCHES,
    ERASURES,
    EXCHANGES,
    GUESSES,
    OPT_OUTS,
    OWN_LANGUAGES,
    QUOTA_USES,
    REQUESTS,
    UNANSWERED,
    WORDS_IN_REQUESTS,
    WRITING,
)

_HAS_MY_WORDS = exists().where(WORDS_IN_REQUESTS.c.request_id == REQUESTS.c.id, WORDS_IN_REQUESTS.c.person == PERSON)
_MY_BATCHES = select(BATCHES.c.id).where(BATCHES.c.person == PERSON)
_MINE = REQUESTS.alias("mine")
# An earlier version did not note whose words a request holds. Where the person took part, they may be theirs.
_OF_AN_EARLIER_VERSION = and_(
    REQUESTS.c.channel_id.is_not(None),
    ~exists().where(WORDS_IN_REQUESTS.c.request_id == REQUESTS.c.id),
    or_(
        REQUESTS.c.channel_id.in_(select(EXCHANGES.c.channel_id).where(EXCHANGES.c.person == PERSON)),
        REQUESTS.c.channel_id.in_(select(_MINE.c.channel_id).where(_MINE.c.person == PERSON)),
    ),
)


def _stop(connection: Connection, person: int) -> int:
    # The process that writes a text looks for this every second, ends the text, and deletes the row.
    mine = update(WRITING).where(WRITING.c.person == PERSON).values(stopped=true())
    return connection.execute(mine, {"about": person}).rowcount


# Erased from the last to the first: what looks into another table comes after it.
HOLDINGS: tuple[Holding, ...] = (
    Holding(
        "requests",
        # Translators: in a list of what I keep about a person.
        later_plural("{number} request of yours", "{number} requests of yours", 1),
        REQUESTS,
        # Translators: for how long I keep it.
        later("Kept for 30 days, or for less where a server wants that."),
        # Translators: what I keep it for; follows a comma.
        why=later("so that the buttons under answers work"),
        created=REQUESTS.c.created,
        shown=(
            REQUESTS.c.kind,
            REQUESTS.c.content,
            REQUESTS.c.channel_id,
            REQUESTS.c.guild_id,
            REQUESTS.c.created,
        ),
    ),
    Holding(
        "conversations",
        # Translators: in a list of what I keep about a person.
        later_plural("{number} message of yours in a conversation", "{number} messages of yours in conversations", 1),
        EXCHANGES,
        # Translators: for how long I keep it.
        later("Kept for 30 days, or for less where a server wants that; the last 20 of a channel."),
        # Translators: what I keep it for; follows a comma.
        why=later("with the answers, so that the model knows what was said"),
        created=EXCHANGES.c.created,
        shown=(
            EXCHANGES.c.channel_id,
            EXCHANGES.c.guild_id,
            EXCHANGES.c.speaker,
            EXCHANGES.c.message,
            EXCHANGES.c.answer,
            EXCHANGES.c.created,
        ),
    ),
    Holding(
        "words_in_requests",
        # Translators: in a list of what I keep about a person.
        later_plural(
            "{number} request of somebody else with words of yours",
            "{number} requests of other people with words of yours",
            1,
        ),
        REQUESTS,
        # Translators: for how long I keep it.
        later("Kept for 30 days, or for less where a server wants that."),
        # Translators: what I keep it for; follows a comma.
        why=later("such as what you said earlier in a conversation, or a message that they had translated"),
        whose=and_(REQUESTS.c.person != PERSON, or_(_HAS_MY_WORDS, _OF_AN_EARLIER_VERSION)),
        created=REQUESTS.c.created,
        shown=(REQUESTS.c.kind, REQUESTS.c.channel_id, REQUESTS.c.guild_id, REQUESTS.c.created),
    ),
    Holding(
        "guesses",
        # Translators: in a list of what I keep about a person.
        later_plural("{number} guess of yours", "{number} guesses of yours", 1),
        GUESSES,
        # Translators: for how long I keep it.
        later("Kept as long as the question, for 30 days at most."),
        # Translators: what I keep it for; follows a comma.
        why=later("so that each counts once"),
        shown=(GUESSES.c.request_id, GUESSES.c.chosen),
    ),
    Holding(
        "batches",
        # Translators: in a list of what I keep about a person.
        later_plural(
            "{number} file of yours that is being answered", "{number} files of yours that are being answered", 1
        ),
        BATCHES,
        # Translators: for how long I keep it.
        later("Kept until it is done, for a day at most."),
        # Translators: what I keep it for; follows a comma.
        why=later("so that I can go on after a restart"),
        created=BATCHES.c.created,
        shown=(BATCHES.c.state, BATCHES.c.guild_id, BATCHES.c.created),
    ),
    Holding(
        "batch_parts",
        # Translators: in a list of what I keep about a person.
        later_plural("{number} part of that file", "{number} parts of that file", 1),
        BATCH_PARTS,
        # Translators: for how long I keep it.
        later("Kept as long as the file."),
        whose=BATCH_PARTS.c.batch_id.in_(_MY_BATCHES),
    ),
    Holding(
        "batch_answers",
        # Translators: in a list of what I keep about a person.
        later_plural("{number} piece of its answers", "{number} pieces of its answers", 1),
        BATCH_ANSWERS,
        # Translators: for how long I keep it.
        later("Kept as long as the file."),
        whose=BATCH_ANSWERS.c.batch_id.in_(_MY_BATCHES),
        shown=(BATCH_ANSWERS.c.content,),
    ),
    Holding(
        "writing",
        # Translators: in a list of what I keep about a person.
        later_plural("{number} text that is being written for you", "{number} texts that are being written for you", 1),
        WRITING,
        # Translators: for how long I keep it.
        later("Kept until it is complete."),
        shown=(WRITING.c.id,),
        erasing=_stop,
    ),
    Holding(
        "unanswered",
        # Translators: in a list of what I keep about a person.
        later_plural(
            "{number} command or button press of yours that is not answered yet",
            "{number} commands and button presses of yours that are not answered yet",
            1,
        ),
        UNANSWERED,
        # Translators: for how long I keep it.
        later("Kept until it is answered, 15 minutes at most."),
        # Translators: what I keep it for; follows a comma.
        why=later("in case that I am restarted before"),
        # Not the one in which they ask: it goes when it is answered.
        whose=and_(UNANSWERED.c.person == PERSON, UNANSWERED.c.id != INTERACTION),
        created=UNANSWERED.c.created,
        shown=(UNANSWERED.c.payload, UNANSWERED.c.created),
    ),
    Holding(
        "quota_uses",
        # Translators: in a list of what I keep about a person.
        later_plural(
            "{number} use of a limit that a server has set", "{number} uses of limits that servers have set", 1
        ),
        QUOTA_USES,
        # Translators: for how long I keep it.
        later("Kept for 7 days."),
        # Translators: what I keep it for; follows a comma.
        why=later("such as 20 answers a day"),
        created=QUOTA_USES.c.used,
        shown=(QUOTA_USES.c.key, QUOTA_USES.c.guild_id, QUOTA_USES.c.used),
        stays="otherwise a limit would begin anew with each deletion",
    ),
    Holding(
        "opt_outs",
        # Translators: in a list of what I keep about a person.
        later_plural("{number} opt-out of yours", "{number} opt-outs of yours", 1),
        OPT_OUTS,
        # Translators: for how long I keep it.
        later("Kept until you change it."),
        shown=(OPT_OUTS.c.what,),
        on_request=True,
    ),
    Holding(
        "own_languages",
        # Translators: in a list of what I keep about a person.
        later_plural(
            "{number} language that you have chosen for me to write in",
            "{number} languages that you have chosen for me to write in",
            1,
        ),
        OWN_LANGUAGES,
        # Translators: for how long I keep it.
        later("Kept until you change it."),
        shown=(OWN_LANGUAGES.c.locale,),
    ),
    Holding(
        "erasures",
        # Translators: in a list of what I keep about a person.
        later_plural(
            "{number} note that you had everything deleted", "{number} notes that you had everything deleted", 1
        ),
        ERASURES,
        # Translators: for how long I keep it.
        later("Kept for 30 days."),
        # Translators: what I keep it for; follows a comma.
        why=later("so that no answer under way brings it back"),
        created=ERASURES.c.created,
        shown=(ERASURES.c.created,),
        stays="otherwise an answer under way could bring back what you have deleted",
    ),
)

WITHOUT_PERSONAL_DATA = frozenset(
    {
        "deletions",  # channels, and numbers
        "processes",
        "leases",  # what a process is doing; a name may have a person's id, and goes when they are answered
        "identifications",
        "registered_commands",
        "server_settings",  # what a server has set, whoever did
        "words_in_requests",  # goes with its requests, which are above
        "translations",  # which messages were translated, and where the translation is
        "forum_posts",  # which tags fit which post, and what became of them
        "maintenance",
        "shard_states",
    }
)
"""The names of tables with nothing about a person."""
