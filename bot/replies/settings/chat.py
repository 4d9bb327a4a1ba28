"""The page about conversations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import discord

from bot.errors import InvalidRequest
from bot.locales.lists import enumerated
from bot.locales.message import Message, _, in_context, later
from bot.locales.values import later_whole
from bot.replies.components.buttons import Action
from bot.replies.components.labelled import hint_of, labelled
from bot.replies.components.modals import FIELD, PREFIX
from bot.replies.components.press import Item
from bot.replies.formatting.text import escape, fit
from bot.replies.settings.controls import OFF, ON, Choice, Field, channels, press, text, toggle
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage, from_here, replaced
from bot.servers.settings import ServerSettings
from bot.servers.topics.chat import ChatSettings
from bot.text.characters import line_breaks, visible, without_controls

# Translators: the title of a modal; at most 45 characters.
PROMPT = Action("settings-prompt", later("System prompt of /chat"))
"""Its submission's options are the id of a channel; empty for the server."""
LONGEST_PROMPT = 2_000
SHOWN_PROMPT = 600
"""UTF-16 units of a prompt on the page."""
MOST_CHANNELS = 200
NO_MENTIONS = later("Whoever runs this bot has switched off answers to messages, so only /chat talks with me.")
PRIVATE = later(
    "Answers are private here, and a reply to a message cannot be. So I answer mentions with a pointer to /chat."
)
TOGGLES = {
    "mentions": (
        later("**Answer mentions**: a message that mentions me, or replies to me, goes on with /chat."),
        later("**Answer mentions**: only /chat itself talks with me."),
    ),
    "threads": (
        later("**Threads**: a conversation that begins with a mention gets a thread, if I may create one."),
        later("**Threads**: I reply in the channel."),
    ),
    "other-bots": (
        later("**Other bots**: I answer other bots too."),
        later("**Other bots**: I do not answer other bots."),
    ),
}
"""By the names of fields: what is said of one that is on, and of one that is off."""


# Translators: a heading, and the label of a field; at most 45 characters.
SYSTEM_PROMPT = later("System prompt")
# Translators: explain the field of a system prompt; at most 100 characters.
FOR_SERVER = later("Told to the model before each conversation in this server. Empty for none.")
# Translators: explain the field of a system prompt; at most 100 characters.
FOR_CHANNEL = later("Told to the model before each conversation here, instead of the server's. Empty for none.")


class ChatPage(TopicPage):
    """Mentions, threads, other bots, and what the model is told before a conversation."""

    name = "chat"
    # Translators: a topic of /settings: conversations with me.
    title = later("Chat")
    # Translators: what is set on the page "Chat"; at most 100 characters.
    about = later("Conversations: mentions, threads, other bots, and what the model is told first.")
    looks = frozenset({"channel"})

    def items(self, shown: Shown) -> Iterator[Item]:
        now, default = shown.settings.chat, ChatSettings()
        if not shown.operator.mentions:
            yield text(NO_MENTIONS)
        elif shown.settings.answers.private:
            yield text(PRIVATE)
        for name, (on, off) in TOGGLES.items():
            attribute = name.replace("-", "_")
            value = getattr(now, attribute)
            origin = from_here(value != getattr(default, attribute))
            yield toggle(self.field(name, shown.focus), value, f"{on if value else off}\n{origin}")
        about = _("The model is told this before a conversation. Everybody can read it in Show the work.")
        yield text(f"### {SYSTEM_PROMPT}\n{about}")
        where, origin = _("In this server"), from_here(bool(now.system_prompt))
        yield self._prompt(self.field("prompt"), where, origin, now.system_prompt)
        yield text(_channels_with_prompts(shown)[:1_500])
        focus = _channel(shown)
        # Translators: the placeholder of a menu of channels. "Its own" is its own system prompt.
        hint = _("Choose a channel to see and change its own")
        yield channels(self.field("channel"), [] if focus is None else [focus], hint, 1)
        if focus is not None:
            effective, origin = _effective(shown, focus)
            where = _("In {channel}", channel=f"<#{focus}>")
            yield self._prompt(self.field("prompt", str(focus)), where, origin, effective)

    def change(self, choice: Choice, shown: Shown) -> Change:
        name = choice.field.name
        if name not in TOGGLES or choice.value not in (ON, OFF):
            raise OutdatedPage
        fields: dict[str, Any] = {name.replace("-", "_"): choice.value == ON}
        return partial(_with, **fields)

    def modal(self, choice: Choice, shown: Shown) -> discord.ui.Modal | None:
        if choice.field.name != "prompt":
            return None
        chat, focus = shown.settings.chat, _channel(shown)
        if shown.focus and focus is None:
            raise OutdatedPage
        now = chat.system_prompt if focus is None else chat.channel_prompts.get(focus, "")
        return prompt_modal(shown.focus, now, FOR_SERVER if focus is None else FOR_CHANNEL)

    def _prompt(self, field: Field, where: str, origin: str, prompt: str) -> Item:
        # Translators: a button beside a system prompt.
        return press(field, _("Edit"), f"**{where}**\n{origin}\n{_quoted(prompt)}")


def prompt_modal(focus: str, now: str, about: Message) -> discord.ui.Modal:
    """Make the modal for a system prompt."""
    modal = discord.ui.Modal(title=PROMPT.title, custom_id=f"{PREFIX}{PROMPT.name}:{focus}")
    field: discord.ui.TextInput[discord.ui.View] = discord.ui.TextInput(
        style=discord.TextStyle.paragraph,
        # Translators: an example of a system prompt; at most 100 characters.
        placeholder=hint_of(_("You are a patient tutor. Answer in two sentences, and ask a question back.")),
        default=now[:LONGEST_PROMPT] or None,
        required=False,
        max_length=LONGEST_PROMPT,
        custom_id=FIELD,
    )
    modal.add_item(labelled(field, SYSTEM_PROMPT, about))
    modal.stop()  # otherwise discord.py keeps it until it is submitted
    return modal


def with_prompt(focus: str, prompt: str, shown: Shown) -> Change:
    """Return the change that a submitted modal asks for.

    Raises:
        InvalidRequest: it can't be made.
    """
    channel = _channel(shown)
    if (focus and channel is None) or len(prompt) > LONGEST_PROMPT:
        raise OutdatedPage
    # Discord gives a modal's text back as it is kept, and takes no control characters there.
    prompt = without_controls(line_breaks(prompt), keep="\n\t").strip() if visible(prompt) else ""
    if channel is None:
        return partial(_with, system_prompt=prompt)
    return partial(_with_channel, channel, prompt)


def _channel(shown: Shown) -> int | None:
    """Return the channel that the page is about, if there is one."""
    focus = shown.focus
    return int(focus) if focus.isdecimal() and shown.guild.get_channel_or_thread(int(focus)) is not None else None


def _effective(shown: Shown, channel: int) -> tuple[str, str]:
    """Return the system prompt of a channel, and where it comes from: the channel, what contains it, or the server."""
    found = shown.guild.get_channel_or_thread(channel)
    inside = (channel, getattr(found, "parent_id", None), getattr(found, "category_id", None))
    for one in inside:
        if one is not None and (prompt := shown.settings.chat.channel_prompts.get(one)) is not None:
            # Translators: where a system prompt comes from.
            origin = _("Set for {channel}", channel=f"<#{one}>")
            return prompt, f"-# {origin}"
    prompt = shown.settings.chat.system_prompt
    return prompt, from_here(bool(prompt))


def _channels_with_prompts(shown: Shown) -> str:
    """Return which channels have a system prompt of their own, in Markdown."""
    guild = shown.guild
    listed = [f"<#{one}>" for one in shown.settings.chat.channel_prompts if guild.get_channel_or_thread(one)]
    if not listed:
        return _("**Channels with their own:** none")
    # Translators: "their own" is their own system prompt.
    return _("**Channels with their own:** {channels}", channels=enumerated(listed))


def _quoted(prompt: str) -> str:
    if not prompt:
        # Translators: in place of a system prompt.
        return in_context("system prompt", "None")
    return "> " + fit(prompt, SHOWN_PROMPT, escape)[0].replace("\n", "\n> ")


def _with(now: ServerSettings, **fields: object) -> ServerSettings:
    return replaced(now, "chat", now.chat, **fields)


def _with_channel(channel: int, prompt: str, now: ServerSettings) -> ServerSettings:
    prompts = {one: text for one, text in now.chat.channel_prompts.items() if one != channel}
    if prompt:
        prompts[channel] = prompt
    if len(prompts) > MOST_CHANNELS:
        raise InvalidRequest(
            later(
                "{number} channels can have their own system prompt. Empty another one first.",
                number=later_whole(MOST_CHANNELS),
            )
        )
    return _with(now, channel_prompts=prompts)
