"""From a flag under a message to its translation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import discord
from discord.ext import commands

from bot.client import Glassbox, Interaction
from bot.errors import GlassboxError, InvalidRequest, SomebodyElses, describe
from bot.flags.menu import Choice, question
from bot.flags.territories import languages_of, territory_of
from bot.inference.languages.lookup import language
from bot.inference.languages.pairs import LanguagePairs
from bot.locales.message import Message, later
from bot.locales.values import later_language
from bot.replies.acknowledgement import defer
from bot.replies.delivery import ResponseKind
from bot.replies.message_delivery import MessageReply
from bot.replies.message_text import read_message, text_of
from bot.replies.pending import until_accepted
from bot.replies.results.translate import render_below
from bot.replies.silence import Silence
from bot.request_ids import add_words_of, is_answered_again, request_id
from bot.servers.features import MessageFeature
from bot.servers.speech import speak_in
from bot.storage.database import FAILURES
from bot.storage.opt_outs import ReadAlong
from bot.tasks.translate import TranslateRequest
from bot.tasks.translation.protected import without_protected
from bot.text.accepted import has_words

log = logging.getLogger(__name__)

PER_PERSON, PER_CHANNEL, PER_SECONDS = 5, 10, 60.0
"""How many flags are answered within so many seconds."""
READ_SECONDS = 10.0
"""How long Discord may take to show a message. discord.py itself waits as long as a rate limit asks."""
NOTICE_SECONDS = 20.0
"""How long a sentence stays that says why there is no translation."""
CHOICE_SECONDS = 120.0
"""How long a menu of languages waits for a choice."""
NOT_YOURS = later("Only the person who put the flag can choose. Put one yourself, and I ask you.")
OFF = later("This server has turned off flags, or public answers. In the menu of a message, **Translate** still works.")
BOTH = later("With `/translate` you choose both languages.")
NOT_OFFERED = later("I cannot translate into this language here. Please choose another one.")
UNREADABLE = later("I cannot read this message any more, so I do not translate it.")
NEEDED = discord.Permissions(view_channel=True, read_message_history=True, embed_links=True)

Place = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


@dataclass(frozen=True)
class Flag:
    """A flag under a message, where it may be answered."""

    territory: str
    emoji: str
    message_id: int
    guild: discord.Guild
    channel: Place
    asker: discord.abc.Snowflake


class FlagTranslator:
    """Translates messages under which somebody has put a flag, once into each language."""

    def __init__(self, bot: Glassbox) -> None:
        self._bot = bot
        self._translations = bot.translations
        self._silence = Silence()
        rate = PER_PERSON, PER_SECONDS
        self._by_person: commands.CooldownMapping[int] = commands.CooldownMapping.from_cooldown(*rate, lambda key: key)
        rate = PER_CHANNEL, PER_SECONDS
        self._by_channel: commands.CooldownMapping[int] = commands.CooldownMapping.from_cooldown(*rate, lambda key: key)

    async def answer(self, payload: discord.RawReactionActionEvent) -> None:
        """Answer a reaction, if it is a flag and may be answered; otherwise do nothing."""
        if (flag := self._flag(payload)) is None or flag.channel.id in self._silence:
            return
        self._bot.pending_interactions.count()
        # Not the message's: what somebody has deleted since it was written is no reason to keep nothing of it now.
        request_id.set(str(discord.utils.time_snowflake(discord.utils.utcnow(), high=True)))
        if not await self._is_allowed(flag, payload.member) or self._is_too_fast(flag):
            return
        await speak_in(self._bot.servers, flag.guild)
        languages = await self._languages(flag.territory)
        if languages:
            await self._once(flag, languages)

    async def choose(self, interaction: Interaction, choice: Choice) -> None:
        """Translate a message into the language that somebody has chosen from the menu under it.

        Raises:
            GlassboxError: it is not translated, and the menu stays.
        """
        flag = await self._chosen(interaction, choice)
        await defer(interaction)  # reading may take longer than Discord waits
        if not await self._claim(flag, choice.code):
            found = await self._translations.find(flag.message_id, choice.code)
            if not is_answered_again.get() or found not in (None, choice.menu_id):
                raise InvalidRequest(_already(flag, choice.code, found))
            if found is not None:  # the process that has died had translated it
                return
        try:
            request = await self._request(flag, choice.code)
            if request is None:
                raise InvalidRequest(UNREADABLE)
            # The menu becomes the translation, and must not be deleted as a menu meanwhile.
            await self._release(flag, flag.territory)
            answer = await self._bot.delivery.answer(interaction, request, render_below, kind=ResponseKind.EDIT)
        except BaseException:
            await self._release(flag, choice.code)
            if await self._claim(flag, flag.territory):
                await self._posted(flag, flag.territory, choice.menu_id, CHOICE_SECONDS)
            raise
        if answer is None:  # somebody has deleted the menu
            await self._release(flag, choice.code)
        elif not await self._posted(flag, choice.code, choice.menu_id, await self._delete_after(flag)):
            await interaction.delete_original_response()

    def _flag(self, payload: discord.RawReactionActionEvent) -> Flag | None:
        """Return the flag of a reaction; None if it is something else, or if the bot may not answer it there."""
        member, guild = payload.member, self._bot.get_guild(payload.guild_id or 0)
        if guild is None or member is None or member.bot or not self._bot.intents.message_content:
            return None
        if payload.message_author_id == guild.me.id:
            return None
        emoji = "" if payload.emoji.is_custom_emoji() else payload.emoji.name
        territory = territory_of(emoji)
        channel = guild.get_channel_or_thread(payload.channel_id)
        if territory is None or not isinstance(channel, Place) or not _may_answer(channel):
            return None
        return Flag(territory, emoji, payload.message_id, guild, channel, member)

    async def _is_allowed(self, flag: Flag, member: discord.Member | None) -> bool:
        settings = await self._bot.servers.settings(flag.guild.id)
        return settings.translates_flags and await self._bot.access.allows_in(
            MessageFeature.REACTIONS, flag.guild, flag.channel, member
        )

    def _is_too_fast(self, flag: Flag) -> bool:
        buckets = self._by_person.get_bucket(flag.asker.id), self._by_channel.get_bucket(flag.channel.id)
        return any(bucket is not None and bucket.update_rate_limit() is not None for bucket in buckets)

    async def _languages(self, territory: str) -> Sequence[str]:
        """Return the languages behind a flag that the checkpoint translates into."""
        try:
            known = self._known()
        except GlassboxError:  # there is no checkpoint
            return ()
        return await asyncio.to_thread(languages_of, territory, known)

    def _known(self) -> LanguagePairs | None:
        return self._bot.backend.languages("translate")

    async def _once(self, flag: Flag, languages: Sequence[str]) -> None:
        """Translate a message into one language, or ask which one of several, unless that was done before."""
        word = languages[0] if len(languages) == 1 else flag.territory
        if not await self._claim(flag, word):
            return
        is_done = False
        try:
            if len(languages) == 1:
                is_done = await self._translate(flag, languages[0])
            else:
                is_done = await self._ask(flag, languages)
        finally:
            if not is_done:
                await self._release(flag, word)

    async def _translate(self, flag: Flag, code: str) -> bool:
        """Post a translation, or why there is none; return whether anything was posted."""
        reply, seconds = self._reply(flag), await self._delete_after(flag)
        try:
            request = await self._request(flag, code)
            if request is None:
                return False
            await self._bot.delivery.answer_at(reply, request, render_below)
        except GlassboxError as error:
            await reply.tell(f"{error.sentence} {BOTH}" if isinstance(error, InvalidRequest) else error.sentence)
            seconds = NOTICE_SECONDS
        finally:
            self._note(reply, flag)
        if reply.sent is None:
            return False
        if not await self._posted(flag, code, reply.sent.id, seconds):
            await reply.withdraw()
        return True

    async def _ask(self, flag: Flag, languages: Sequence[str]) -> bool:
        """Post a menu of languages; return whether it was posted."""
        if await self._text(flag) is None:
            return False
        reply = self._reply(flag)
        sentence, view = question(flag.emoji, Choice(flag.message_id, flag.asker.id, flag.territory), languages)
        try:
            await reply.edit(content=sentence, view=view)
        finally:
            self._note(reply, flag)
        assert reply.sent is not None
        if not await self._posted(flag, flag.territory, reply.sent.id, CHOICE_SECONDS):
            await reply.withdraw()
        return True

    async def _request(self, flag: Flag, code: str) -> TranslateRequest | None:
        """Return the request for a translation; None if the message has no text, or it must not be read.

        Raises:
            InvalidRequest: it cannot be translated.
        """
        text = await self._text(flag)
        if text is None:
            return None
        request = TranslateRequest(text, code, None)
        if (known := self._known()) is not None:
            request.check(known)
        return request

    async def _text(self, flag: Flag) -> str | None:
        """Return the text of a message; None if it has none, or if it must not be read."""
        try:
            message = await self._message(flag)
            is_own = message.author.id == flag.guild.me.id
            if is_own or await self._bot.opt_outs.among([message.author.id], ReadAlong.REACTIONS):
                return None
            add_words_of([message.author.id])
            text = text_of(message)
            text = text if has_words(text) else await read_message(message)
            return text if has_words(without_protected(text)) else None
        except GlassboxError:  # there are only pictures, or files that cannot be read
            return None
        except FAILURES as error:
            log.warning("it cannot be found out who has opted out: %s", describe(error))
        except Exception as error:  # see `bot.replies.discord_errors`
            log.info("a message under a flag cannot be read: %s", describe(error))
            self._silence.hear(flag.channel.id, error)
        return None

    async def _message(self, flag: Flag) -> discord.Message:
        """Return the message under a flag; raise as `until_accepted` does, or `TimeoutError`."""
        found: list[discord.Message] = []

        async def fetch() -> None:
            found.append(await flag.channel.fetch_message(flag.message_id))

        async with asyncio.timeout(READ_SECONDS):
            await until_accepted(fetch)
        return found[-1]

    async def _chosen(self, interaction: Interaction, choice: Choice) -> Flag:
        """Return the flag behind a menu; raise a `GlassboxError` if its language can't be chosen."""
        if interaction.user.id != choice.person:
            raise SomebodyElses(NOT_YOURS)
        guild, channel = interaction.guild, interaction.channel
        if guild is None or not isinstance(channel, Place):
            raise InvalidRequest(UNREADABLE)
        if not (await self._bot.servers.settings(guild.id)).translates_flags:
            raise InvalidRequest(OFF)
        if choice.code not in await self._languages(choice.territory):
            raise InvalidRequest(NOT_OFFERED)
        return Flag(choice.territory, "", choice.message_id, guild, channel, interaction.user)

    async def _claim(self, flag: Flag, word: str) -> bool:
        """Return whether this is the first to do something. If the database fails, nobody is."""
        try:
            return await self._translations.claim(
                flag.message_id, word, channel_id=flag.channel.id, guild_id=flag.guild.id
            )
        except FAILURES as error:
            log.warning("a message cannot be translated once: %s", describe(error))
            return False

    async def _release(self, flag: Flag, word: str) -> None:
        try:
            await self._translations.release(flag.message_id, word)
        except FAILURES as error:  # then it can be done again when it is stale
            log.warning("a message cannot be translated again at once: %s", describe(error))

    async def _posted(self, flag: Flag, word: str, reply_id: int, delete_after: float | None) -> bool:
        """Note what was posted; return False if the message that it is about was deleted meanwhile."""
        try:
            return await self._translations.posted(flag.message_id, word, reply_id, delete_after)
        except FAILURES as error:
            log.warning("a translation cannot be noted: %s", describe(error))
            return True

    async def _delete_after(self, flag: Flag) -> float | None:
        return (await self._bot.servers.settings(flag.guild.id)).reactions.delete_after

    def _note(self, reply: MessageReply, flag: Flag) -> None:
        """Leave a channel alone for a while in which Discord lets nothing be written."""
        if reply.is_shut_out:
            self._silence.begin(flag.channel.id)

    def _reply(self, flag: Flag) -> MessageReply:
        may = flag.channel.permissions_for(flag.guild.me)
        return MessageReply(flag.channel.get_partial_message(flag.message_id), asker=flag.asker, files=may.attach_files)


def _already(flag: Flag, code: str, found: int | None) -> Message:
    into = later_language(language(code).code)
    if found is None:
        return later("This message is being translated into {language} just now. Please wait for it.", language=into)
    link = f"https://discord.com/channels/{flag.guild.id}/{flag.channel.id}/{found}"
    return later("This message has been translated into {language} already: {link}", language=into, link=link)


def _may_answer(channel: Place) -> bool:
    may = channel.permissions_for(channel.guild.me)
    speaks = may.send_messages_in_threads if isinstance(channel, discord.Thread) else may.send_messages
    return speaks and may.is_superset(NEEDED)
