"""The embed of one checkpoint in `/models`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import discord

from bot.inference.checkpoints.catalogue import HUB_ID
from bot.inference.checkpoints.description import Anatomy, CheckpointDescription, Loaded, Origin, SourceDescription
from bot.inference.status import CheckpointStatus, Phase
from bot.replies.checkpoints.layers import LEFT_OUT, tree
from bot.replies.checkpoints.overview import COLOUR
from bot.replies.checkpoints.state import (
    FAMILY_NAMES,
    FAMILY_PURPOSES,
    listed_commands,
    listed_offers,
    name_of,
    state,
)
from bot.replies.checkpoints.table import table
from bot.replies.formatting.quantities import in_bytes
from bot.replies.formatting.text import code_span, fit, units, visible
from bot.replies.reply import Reply, TextFile

# The longest of each, in units of UTF-16.
TITLE = 200
NAME = 80
LAYERS = 1_600  # a longer tree is attached
LABELS = 400
REMARK = 200
WORD = 80
PACKAGES = 400
LONGEST_ADDRESS = 300
DEVICES = 8
HUB = "https://huggingface.co"


def detail(description: CheckpointDescription) -> Reply:
    """Render one checkpoint: family, state, numbers, source and layers."""
    anatomy = description.anatomy
    drawn = None if anatomy is None or anatomy.layers is None else tree(anatomy.layers)
    lines = [*_introduction(description), "", _code(table(description))]
    if drawn is not None and units(drawn) <= LAYERS:
        lines += ["**Layers**", _code(drawn), f"*{LEFT_OUT}*"]
    embed = discord.Embed(title=name_of(description.status, TITLE), description="\n".join(lines).strip(), colour=COLOUR)
    for name, value in _fields(description):
        embed.add_field(name=name, value=value, inline=False)
    if drawn is None or units(drawn) <= LAYERS:
        return Reply(embed)
    embed.add_field(name="Layers", value="In the file: there are too many to show here.", inline=False)
    return Reply(embed, TextFile("layers.txt", visible(f"{description.status.name}\n\n{drawn}\n\n{LEFT_OUT}\n")))


def _introduction(description: CheckpointDescription) -> Iterable[str]:
    status, family = description.status, description.family
    if family is None:
        yield "Which family it is of is known when it has been downloaded."
    else:
        yield f"**{FAMILY_NAMES[family].capitalize()}.** {FAMILY_PURPOSES[family]}"
    if status.tasks:
        yield f"It answers {listed_commands(status)} here."
    more = replace(status, offered=tuple(task for task in status.offered if task not in status.tasks))
    if more.offered or not status.tasks:
        yield f"It can be chosen with the option `checkpoint` of {listed_offers(more)}."
    sentence = state(description)
    yield f"{sentence[:1].upper()}{sentence[1:]}."
    if status.phase is Phase.WAITING and not status.requests:
        yield (
            f"Use `/{status.tasks[0]}`, and it is loaded for you."
            if status.tasks
            else "Choose it, and it is loaded for you."
        )
    if description.note is not None:
        yield fit(description.note, REMARK)[0]


def _fields(description: CheckpointDescription) -> Iterable[tuple[str, str]]:
    anatomy = description.anatomy
    if anatomy is not None:
        yield "Architecture", "\n".join(_architecture(anatomy))
        if anatomy.labels:
            labels = " · ".join(f"{index}: {label}" for index, label in enumerate(anatomy.labels))
            yield "Labels", fit(labels, LABELS)[0]
    if description.loaded is not None:
        yield "On the device", "\n".join(_on_devices(description.loaded, description.status))
    yield "Where it comes from", "\n".join(_origin(description))


def _architecture(anatomy: Anatomy) -> Iterable[str]:
    yield f"{code_span(anatomy.architecture, WORD)}, model type {code_span(anatomy.model_type, WORD)}"
    if anatomy.positions is not None:
        yield f"Position embeddings: {anatomy.positions}"
    if anatomy.activation is not None:
        yield f"Activation: {fit(anatomy.activation, WORD)[0]}"
    if anatomy.tied is not None:
        yield f"Output layer: {'the input embeddings, shared' if anatomy.tied else 'weights of its own'}"


def _on_devices(loaded: Loaded, status: CheckpointStatus) -> Iterable[str]:
    for replica in loaded.replicas[:DEVICES]:
        yield f"{replica.device}: {replica.precision}, {in_bytes(replica.bytes)}"
    if len(loaded.replicas) > DEVICES:
        yield f"… and {len(loaded.replicas) - DEVICES} more"
    if status.precision_reason:
        yield f"Precision {fit(status.precision_reason, REMARK)[0]}"
    yield f"Head: {loaded.head}"
    if status.joins is not None:
        yield (
            "Texts that it writes join others that are under way"
            if status.joins
            else "Texts that it writes wait until those under way are complete: its cache forgets, or it uses beams"
        )


def _origin(description: CheckpointDescription) -> Iterable[str]:
    yield from _source(description.source, None if description.files is None else description.files.commit)
    yield f"Licence: {fit(description.licence, WORD)[0]}"
    sizes = []
    if description.download_mb is not None:
        sizes.append(f"{in_bytes(description.download_mb * 1_000_000)} to download")
    if description.files is not None:
        sizes.append(f"{in_bytes(description.files.bytes)} on the disk")
    if sizes:
        yield ", ".join(sizes)


def _source(source: SourceDescription, commit: str | None) -> Iterable[str]:
    match source.origin:
        case Origin.HUB:
            revision = commit or source.revision
            yield f"{_on_the_hub(source.name, revision)} on the Hugging Face hub"
            yield (
                f"Revision: {code_span(revision, WORD)}"
                if revision
                else "Revision: the newest when it is fetched first"
            )
        case Origin.WHEELS:
            packages = ", ".join(package.replace("==", " ") for package in source.packages)
            yield f"The Python package{'s' if len(source.packages) > 1 else ''} {fit(packages, PACKAGES)[0]}"
            yield f"{code_span(source.name, WORD)}, SHA-256 {code_span(source.revision or '', WORD)}"
        case Origin.FOLDER:
            yield f"A folder of the machine that I run on, called {fit(source.name, NAME)[0]}"


def _on_the_hub(repository: str, revision: str | None) -> str:
    name = fit(repository, WORD)[0]
    if HUB_ID.fullmatch(f"{repository}@{revision}" if revision else repository) is None:
        return name
    address = f"{HUB}/{repository}" + (f"/tree/{revision}" if revision else "")
    return f"[{name}]({address})" if len(address) <= LONGEST_ADDRESS else name


def _code(text: str) -> str:
    return f"```\n{text.replace('`', '')}\n```" if text else ""
