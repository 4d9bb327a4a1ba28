"""The tables as this version reads and writes them. `bot.storage.migrations` makes them; a test compares both."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeEngine

from bot.storage.encryption import Encrypted

METADATA = MetaData()


def snowflake() -> TypeEngine[int]:
    """Return the type of Discord's ids, which have 64 bits."""
    return BigInteger()


def number() -> TypeEngine[int]:
    """Return the type of numbers that the database gives. SQLite only numbers rows by its type INTEGER."""
    return BigInteger().with_variant(Integer(), "sqlite")


REQUESTS = Table(
    "requests",
    METADATA,
    Column("id", Text(), primary_key=True),
    Column("person", snowflake(), nullable=False),  # whose request it is
    Column("kind", Text(), nullable=False),  # the task's name
    Column("content", Encrypted(), nullable=False),  # the request's fields, in JSON
    Column("created", Double(), nullable=False),  # in seconds since 1970
    # Of the conversation that it repeats something of (see `ChatRequest`), or NULL.
    Column("channel_id", snowflake()),
    Column("guild_id", snowflake()),  # of the server that it was asked in, or NULL
    sqlite_with_rowid=False,
)
Index("requests_by_age", REQUESTS.c.created)
Index("requests_by_person", REQUESTS.c.person)
_OF_A_CONVERSATION = REQUESTS.c.channel_id.is_not(None)
Index(
    "requests_by_channel", REQUESTS.c.channel_id, sqlite_where=_OF_A_CONVERSATION, postgresql_where=_OF_A_CONVERSATION
)
_OF_A_SERVER = REQUESTS.c.guild_id.is_not(None)
Index(
    "requests_by_server",
    REQUESTS.c.guild_id,
    REQUESTS.c.created,
    sqlite_where=_OF_A_SERVER,
    postgresql_where=_OF_A_SERVER,
)

EXCHANGES = Table(
    "exchanges",
    METADATA,
    Column("number", number(), primary_key=True),
    Column("channel_id", snowflake(), nullable=False),  # by Discord, or of a person (see `ChatRequest`)
    Column("person", snowflake(), nullable=False),  # the one who spoke
    Column("speaker", Encrypted(), nullable=False),  # their name
    Column("message", Encrypted(), nullable=False),
    Column("answer", Encrypted(), nullable=False),
    Column("created", Double(), nullable=False),  # in seconds since 1970
    Column("guild_id", snowflake()),  # of the server that it was said in, or NULL
    Column("question", snowflake()),  # the message that was answered, or NULL for a command
)
Index("exchanges_by_channel", EXCHANGES.c.channel_id, EXCHANGES.c.number)
Index("exchanges_by_age", EXCHANGES.c.created)
_OF_A_MESSAGE = EXCHANGES.c.question.is_not(None)
Index("exchanges_by_question", EXCHANGES.c.question, sqlite_where=_OF_A_MESSAGE, postgresql_where=_OF_A_MESSAGE)
Index("exchanges_by_person", EXCHANGES.c.person)

DELETIONS = Table(
    "deletions",
    METADATA,
    Column("number", number(), primary_key=True),  # never used again
    Column("channel_id", snowflake(), nullable=False),
    Column("created", Double(), nullable=False),  # in seconds since 1970
    sqlite_autoincrement=True,
)
Index("deletions_by_channel", DELETIONS.c.channel_id, DELETIONS.c.number)
Index("deletions_by_age", DELETIONS.c.created)

# Below, what bot processes tell each other. A process that has died is one whose `seen` is old (see `heartbeat`).
PROCESSES = Table(
    "processes",
    METADATA,
    Column("id", Text(), primary_key=True),
    Column("seen", Double(), nullable=False),  # when it last said that it is alive, in the database's seconds
)

LEASES = Table(
    "leases",
    METADATA,
    Column("name", Text(), primary_key=True),  # of what one process has alone
    Column("process", Text(), nullable=False),
    Column("taken", Double(), nullable=False),  # when, in the database's seconds
)

IDENTIFICATIONS = Table(
    "identifications",
    METADATA,
    Column("bucket", Integer(), primary_key=True),  # a shard's number modulo Discord's `max_concurrency`
    Column("free", Double(), nullable=False),  # when the next shard may identify, in the database's seconds
    Column("process", Text()),  # the one that is about to identify; NULL once it has
)

REGISTERED_COMMANDS = Table(
    "registered_commands",
    METADATA,
    Column("application_id", snowflake(), primary_key=True, autoincrement=False),
    Column("digest", Text(), nullable=False),  # of what Discord was told
)

WRITING = Table(
    "writing",
    METADATA,
    Column("id", Text(), primary_key=True),  # of the request behind the Stop button
    Column("process", Text(), nullable=False),
    Column("person", snowflake(), nullable=False),  # who may stop it
    Column("stopped", Boolean(), nullable=False),
)
Index("writing_by_process", WRITING.c.process)

UNANSWERED = Table(
    "unanswered",
    METADATA,
    Column("id", snowflake(), primary_key=True, autoincrement=False),  # of the interaction
    Column("process", Text(), nullable=False),
    Column("acknowledged", Integer(), nullable=False),  # the type of its first response
    Column("payload", Encrypted(), nullable=False),  # as Discord sent it, in JSON
    Column("created", Double(), nullable=False),  # in the database's seconds
    Column("tries", Integer(), nullable=False),  # how many processes have died of it, or during it
    Column("person", snowflake()),  # whose it is; NULL if an earlier version has kept it
)
Index("unanswered_by_process", UNANSWERED.c.process)

SERVER_SETTINGS = Table(
    "server_settings",
    METADATA,
    Column("guild_id", snowflake(), primary_key=True, autoincrement=False),
    Column("content", Text(), nullable=False),  # see `ServerSettings`, in JSON
    Column("revision", BigInteger(), nullable=False),  # of the content, from 1
    Column("left_at", Double()),  # since when the bot is not there any more, in seconds since 1970
    Column("kept_seconds", Double()),  # for how long what is asked there is kept; NULL for as long as anything is
)

OPT_OUTS = Table(
    "opt_outs",
    METADATA,
    Column("person", snowflake(), primary_key=True, autoincrement=False),
    Column("what", Text(), primary_key=True),  # see `ReadAlong`
)

OWN_LANGUAGES = Table(
    "own_languages",
    METADATA,
    Column("person", snowflake(), primary_key=True, autoincrement=False),
    Column("locale", Text(), nullable=False),  # such as "pt_BR"; no row for what Discord says
)

TRANSLATIONS = Table(
    "translations",
    METADATA,
    Column("id", Text(), primary_key=True),  # the message's, and a word: a language, or a territory with several
    Column("message_id", snowflake(), nullable=False),
    Column("channel_id", snowflake(), nullable=False),
    Column("guild_id", snowflake(), nullable=False),
    Column("reply_id", snowflake()),  # the bot's own message; NULL until it is there
    Column("created", Double(), nullable=False),  # in seconds since 1970
    Column("delete_at", Double()),  # when the bot's message is deleted, in seconds since 1970; NULL to keep it
)
Index("translations_by_message", TRANSLATIONS.c.message_id)
Index("translations_by_age", TRANSLATIONS.c.created)
_HAS_DEADLINE = TRANSLATIONS.c.delete_at.is_not(None)
Index(
    "translations_by_deadline",
    TRANSLATIONS.c.delete_at,
    sqlite_where=_HAS_DEADLINE,
    postgresql_where=_HAS_DEADLINE,
)

QUOTA_USES = Table(
    "quota_uses",
    METADATA,
    Column("number", number(), primary_key=True),
    Column("key", Text(), nullable=False),  # whose quota, and which (see `bot.storage.quota_uses`)
    Column("guild_id", snowflake(), nullable=False),
    Column("person", snowflake(), nullable=False),
    Column("used", Double(), nullable=False),  # when, in the database's seconds
)
Index("quota_uses_by_key", QUOTA_USES.c.key, QUOTA_USES.c.used)
Index("quota_uses_by_age", QUOTA_USES.c.used)

BATCHES = Table(
    "batches",
    METADATA,
    Column("id", Text(), primary_key=True),
    Column("person", snowflake(), nullable=False, unique=True),  # whose file it is; each has one at a time
    Column("guild_id", snowflake()),  # of the server that it was given in, or NULL
    Column("state", Text(), nullable=False),  # see `BatchState`
    Column("created", Double(), nullable=False),  # in seconds since 1970
    Column("content", Encrypted(), nullable=False),  # see `bot.batches.job`, in JSON
)
Index("batches_by_guild", BATCHES.c.guild_id)

BATCH_PARTS = Table(
    "batch_parts",
    METADATA,
    Column("batch_id", Text(), primary_key=True),
    Column("number", Integer(), primary_key=True),  # of the part, from 0
    Column("content", Encrypted(), nullable=False),  # bytes of the file, in Base64
)

BATCH_ANSWERS = Table(
    "batch_answers",
    METADATA,
    Column("batch_id", Text(), primary_key=True),
    Column("number", Integer(), primary_key=True),  # the index of one of its rows
    Column("content", Encrypted(), nullable=False),  # rows with their answers, in JSON
)

WORDS_IN_REQUESTS = Table(
    "words_in_requests",
    METADATA,
    Column("request_id", Text(), ForeignKey("requests.id", ondelete="CASCADE"), primary_key=True),
    # Somebody else whose words the request holds; of a conversation's request, also the one who asked.
    Column("person", snowflake(), primary_key=True, autoincrement=False),
)
Index("words_in_requests_by_person", WORDS_IN_REQUESTS.c.person)

GUESSES = Table(
    "guesses",
    METADATA,
    Column("request_id", Text(), ForeignKey("requests.id", ondelete="CASCADE"), primary_key=True),  # the question's
    Column("person", snowflake(), primary_key=True, autoincrement=False),
    Column("chosen", Integer(), nullable=False),  # the index of an option; −1 to give up
)
Index("guesses_by_person", GUESSES.c.person)

ERASURES = Table(
    "erasures",
    METADATA,
    Column("person", snowflake(), primary_key=True, autoincrement=False),
    Column("asked", snowflake(), nullable=False),  # the interaction that deleted everything about them last
    Column("created", Double(), nullable=False),  # in seconds since 1970
)
Index("erasures_by_age", ERASURES.c.created)

FORUM_POSTS = Table(
    "forum_posts",
    METADATA,
    Column("thread_id", snowflake(), primary_key=True, autoincrement=False),
    Column("guild_id", snowflake(), nullable=False),
    Column("forum_id", snowflake(), nullable=False),
    Column("state", Text(), nullable=False),  # see `PostState`
    Column("token", Text(), nullable=False),  # of the process's turn that judges it
    Column("content", Text(), nullable=False),  # see `bot.forums.record.PostRecord`, in JSON; empty before it is judged
    Column("created", Double(), nullable=False),  # when that turn began, in seconds since 1970
)
Index("forum_posts_by_forum", FORUM_POSTS.c.forum_id, FORUM_POSTS.c.created)
Index("forum_posts_by_age", FORUM_POSTS.c.created)

MAINTENANCE = Table(
    "maintenance",
    METADATA,
    Column("only", Integer(), primary_key=True, autoincrement=False),  # 1: there is a row, or the mode is off
    Column("reason", Text(), nullable=False),  # by the operator; empty if none was given
    Column("ends", Double()),  # when it should be over, in seconds since 1970
)

SHARD_STATES = Table(
    "shard_states",
    METADATA,
    Column("shard", Integer(), primary_key=True, autoincrement=False),
    Column("process", Text(), nullable=False),  # where it runs, for an operator to read
    Column("connected", Boolean(), nullable=False),
    Column("latency", Double()),  # in seconds; NULL before the first heartbeat
    Column("seen", Double(), nullable=False),  # in the database's seconds
)
