"""`/compare`: what do several checkpoints say to the same text?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from discord import app_commands

from bot.client import Cog, Glassbox, Interaction
from bot.errors import InvalidRequest
from bot.inference.requests import Request
from bot.inference.status import CheckpointStatus
from bot.locales.message import later
from bot.replies.checkpoints.listing import completed, split
from bot.replies.comparing.render import preview, render
from bot.tasks.attention import AttentionRequest
from bot.tasks.attention_view import AttentionView, Heads
from bot.tasks.compare import FEWEST, MOST, CompareRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.entities import EntitiesRequest
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.tokenize import TokenizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import USUAL_LABELS, ZeroShotRequest
from bot.text.label_list import parse_labels

TARGET = "German"
# The likeliest text each time: otherwise chance would make differences too.
GREEDY_TOP_P = 0.01
FAMILIES = ("sentiment", "generate", "translate")
"""Commands that an encoder, a decoder and an encoder-decoder answer in most presets."""

Make = Callable[[str, str, str], Request[object]]
"""Makes the request of a command from a text, labels, and a language."""

MAKERS: Mapping[str, Make] = {
    "sentiment": lambda text, labels, target: SentimentRequest(text),
    "fill": lambda text, labels, target: FillRequest(text),
    "zeroshot": lambda text, labels, target: ZeroShotRequest(text, parse_labels(labels)),
    "entities": lambda text, labels, target: EntitiesRequest(text),
    "generate": lambda text, labels, target: GenerateRequest(text, top_p=GREEDY_TOP_P),
    "translate": lambda text, labels, target: TranslateRequest(text, target, None),
    "summarize": lambda text, labels, target: SummarizeRequest(text),
    "complete": lambda text, labels, target: CompleteRequest(text, temperature=0),
    "attention": lambda text, labels, target: AttentionRequest(text, view=AttentionView(heads=Heads.MASKS)),
    "tokenize": lambda text, labels, target: TokenizeRequest((text,)),
}


class Compare(Cog):
    """`/compare`."""

    def __init__(self, bot: Glassbox) -> None:
        super().__init__(bot)
        self.access = bot.access

    @app_commands.command()
    @app_commands.choices(command=[app_commands.Choice(name=f"/{name}", value=name) for name in MAKERS])
    @app_commands.describe(
        text="What to read, for example: The capital of France is ___.",
        command="Which command to compare",
        checkpoints=f"{FEWEST} to {MOST} names with commas between them (the first {MOST} if left out)",
        labels=f"For /zeroshot: 2 to 20 labels ({USUAL_LABELS} if left out)",
        target=f"For /translate: into which language ({TARGET} if left out)",
    )
    @app_commands.rename(target="to")
    async def compare(
        self,
        interaction: Interaction,
        text: str,
        command: str,
        checkpoints: str | None = None,
        labels: str = USUAL_LABELS,
        target: str = TARGET,
    ) -> None:
        """What do two to four checkpoints answer to the same text? Side by side"""
        await self.access.check(command, interaction)
        request = MAKERS[command](text, labels, target)
        names = await self._names(interaction, command, checkpoints)
        await self.delivery.answer(interaction, CompareRequest.of(request, names), render, preview)

    @compare.autocomplete("checkpoints")
    async def checkpoints(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        among = await self._among(interaction, interaction.namespace.command or "sentiment")
        return completed(typed, [one.name for one in among], MOST)

    async def _among(self, interaction: Interaction, command: str) -> list[CheckpointStatus]:
        return list(await self.delivery.checkpoints.among(interaction, command))

    async def _names(self, interaction: Interaction, command: str, typed: str | None) -> tuple[str, ...]:
        """Return the names of the checkpoints to compare.

        Raises:
            InvalidRequest: one of them may not be chosen here, or they are too few or too many.
        """
        among = await self._among(interaction, command)
        if len(among) < FEWEST:
            raise InvalidRequest(
                later(
                    "There is only one checkpoint for {command} here, so there is nothing to compare. Whoever runs "
                    "this bot can offer more with EXTRA_CHECKPOINTS, and a server's settings can allow more.",
                    command=f"/{command}",
                )
            )
        if not typed:
            return _families(among) if command == "attention" else tuple(one.name for one in among[:MOST])
        names = [await self.delivery.checkpoints.name(interaction, command, part) for part in split(typed)]
        found = tuple(dict.fromkeys(name for name in names if name is not None))
        if not FEWEST <= len(found) <= MOST:
            raise InvalidRequest(
                later(
                    "I can compare {fewest} to {most} different checkpoints, and this names {number}. Write their "
                    "names with commas between them.",
                    fewest=FEWEST,
                    most=MOST,
                    number=len(found),
                )
            )
        return found


def _families(among: Sequence[CheckpointStatus]) -> tuple[str, ...]:
    """Return a checkpoint of each family, as far as their commands tell: an encoder, a decoder, an encoder-decoder."""
    usual = (next((one.name for one in among if task in one.tasks), None) for task in FAMILIES)
    found = tuple(dict.fromkeys(name for name in usual if name is not None))
    return found if len(found) >= FEWEST else tuple(one.name for one in among[:MOST])


setup = Compare.setup
