"""The page about conversations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import discord

from bot.errors import InvalidRequest
from bot.replies.components.buttons import Action
from bot.replies.components.modals import FIELD, PREFIX
from bot.replies.components.press import Item
from bot.replies.formatting.text import escape, fit
from bot.replies.settings.controls import OFF, ON, Choice, channels, press, text, toggle
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage, from_here, replaced
from bot.servers.settings import ServerSettings
from bot.servers.topics.chat import ChatSettings
from bot.text.characters import line_breaks, visible, without_controls

PROMPT = Action("settings-prompt", "System prompt of /chat")
"""Its submission's options are the id of a channel; empty for the server."""
LONGEST_PROMPT = 2_000
SHOWN_PROMPT = 600
"""UTF-16 units of a prompt on the page."""
MOST_CHANNELS = 200
NO_MENTIONS = "Whoever runs this bot has switched off answers to messages, so only /chat talks with me."
PRIVATE = "Answers are private here, and a reply to a message cannot be. So I answer mentions with a pointer to /chat."
TOGGLES = {
    "mentions": (
        "Answer mentions",
        "a message that mentions me, or replies to me, goes on with /chat",
        "only /chat itself talks with me",
    ),
    "threads": (
        "Threads",
        "a conversation that begins with a mention gets a thread, if I may create one",
        "I reply in the channel",
    ),
    "other-bots": ("Other bots", "I answer other bots too", "I do not answer other bots"),
}


class ChatPage(TopicPage):
    """Mentions, threads, other bots, and what the model is told before a conversation."""

    name = "chat"
    title = "Chat"
    about = "Conversations: mentions, threads, other bots, and what the model is told first."
    looks = frozenset({"channel"})

    def items(self, shown: Shown) -> Iterator[Item]:
        now, default = shown.settings.chat, ChatSettings()
        if not shown.operator.mentions:
            yield text(NO_MENTIONS)
        elif shown.settings.answers.private:
            yield text(PRIVATE)
        for name, (title, on, off) in TOGGLES.items():
            attribute = name.replace("-", "_")
            value = getattr(now, attribute)
            origin = from_here(value != getattr(default, attribute))
            yield toggle(self.field(name, shown.focus), value, f"**{title}**: {on if value else off}.\n{origin}")
        yield text(
            "### System prompt\nThe model is told this before a conversation. Everybody can read it in Show the work."
        )
        yield press(
            self.field("prompt"),
            "Edit",
            f"**In this server**\n{from_here(bool(now.system_prompt))}\n{_quoted(now.system_prompt)}",
        )
        listed = ", ".join(f"<#{one}>" for one in now.channel_prompts if shown.guild.get_channel_or_thread(one))
        yield text(f"**Channels with their own:** {listed or 'none'}"[:1_500])
        focus = _channel(shown)
        yield channels(
            self.field("channel"), [] if focus is None else [focus], "Choose a channel to see and change its own", 1
        )
        if focus is not None:
            effective, origin = _effective(shown, focus)
            yield press(self.field("prompt", str(focus)), "Edit", f"**In <#{focus}>**\n{origin}\n{_quoted(effective)}")

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
        where = "in this server" if focus is None else "here, instead of the server's"
        return prompt_modal(shown.focus, now, where)


def prompt_modal(focus: str, now: str, where: str) -> discord.ui.Modal:
    """Make the modal for a system prompt."""
    modal = discord.ui.Modal(title=PROMPT.label, custom_id=f"{PREFIX}{PROMPT.name}:{focus}")
    field: discord.ui.TextInput[discord.ui.View] = discord.ui.TextInput(
        style=discord.TextStyle.paragraph,
        placeholder="You are a patient tutor. Answer in two sentences, and ask a question back.",
        default=now[:LONGEST_PROMPT] or None,
        required=False,
        max_length=LONGEST_PROMPT,
        custom_id=FIELD,
    )
    about = f"Told to the model before each conversation {where}. Empty for none."
    modal.add_item(discord.ui.Label(text="System prompt", description=about, component=field))
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
            return prompt, f"-# Set for <#{one}>"
    prompt = shown.settings.chat.system_prompt
    return prompt, from_here(bool(prompt))


def _quoted(prompt: str) -> str:
    if not prompt:
        return "None"
    return "> " + fit(prompt, SHOWN_PROMPT, escape)[0].replace("\n", "\n> ")


def _with(now: ServerSettings, **fields: object) -> ServerSettings:
    return replaced(now, "chat", now.chat, **fields)


def _with_channel(channel: int, prompt: str, now: ServerSettings) -> ServerSettings:
    prompts = {one: text for one, text in now.chat.channel_prompts.items() if one != channel}
    if prompt:
        prompts[channel] = prompt
    if len(prompts) > MOST_CHANNELS:
        raise InvalidRequest(f"{MOST_CHANNELS} channels can have their own system prompt. Empty another one first.")
    return _with(now, channel_prompts=prompts)
