"""The embed of one checkpoint in `/models`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import discord

from bot.inference.checkpoints.catalogue import HUB_ID
from bot.inference.checkpoints.description import Anatomy, CheckpointDescription, Loaded, Origin, SourceDescription
from bot.inference.checkpoints.spec import UNSTATED_LICENCE
from bot.inference.status import CheckpointStatus, Phase
from bot.locales.lists import enumerated
from bot.locales.message import _, plural
from bot.locales.numbers import in_bytes
from bot.replies.checkpoints.layers import LEFT_OUT, tree
from bot.replies.checkpoints.overview import COLOUR
from bot.replies.checkpoints.state import (
    FAMILY_HEADINGS,
    FAMILY_PURPOSES,
    listed_commands,
    listed_offers,
    name_of,
    state,
)
from bot.replies.checkpoints.table import table
from bot.replies.checkpoints.workers_words import head_in_words, positions_in_words, precision_in_words
from bot.replies.formatting.more import and_more
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
        # Translators: a heading.
        lines += [f"**{_('Layers')}**", _code(drawn), f"*{LEFT_OUT}*"]
    embed = discord.Embed(title=name_of(description.status, TITLE), description="\n".join(lines).strip(), colour=COLOUR)
    for name, value in _fields(description):
        embed.add_field(name=name, value=value, inline=False)
    if drawn is None or units(drawn) <= LAYERS:
        return Reply(embed)
    embed.add_field(name=_("Layers"), value=_("In the file: there are too many to show here."), inline=False)
    return Reply(embed, TextFile("layers.txt", visible(f"{description.status.name}\n\n{drawn}\n\n{LEFT_OUT}\n")))


def _introduction(description: CheckpointDescription) -> Iterable[str]:
    status, family = description.status, description.family
    if family is None:
        yield _("Which family it is of is known when it has been downloaded.")
    else:
        yield _("**{family}.** {masks}", family=FAMILY_HEADINGS[family], masks=FAMILY_PURPOSES[family])
    if status.tasks:
        yield _("It answers {commands} here.", commands=listed_commands(status))
    more = replace(status, offered=tuple(task for task in status.offered if task not in status.tasks))
    if more.offered:
        yield _("It can be chosen with the option `checkpoint` of {commands}.", commands=listed_offers(more))
    elif not status.tasks:
        yield _("It can be chosen with the option `checkpoint` of the commands that its architecture can answer.")
    devices = () if description.loaded is None else tuple(one.device for one in description.loaded.replicas)
    yield sentence_of(state(description), devices)
    if status.phase is Phase.WAITING and not status.requests:
        yield (
            _("Use `/{command}`, and it is loaded for you.", command=status.tasks[0])
            if status.tasks
            else _("Choose it, and it is loaded for you.")
        )
    if description.note is not None:
        yield fit(description.note, REMARK)[0]


def sentence_of(phrase: str, names: tuple[str, ...] = ()) -> str:
    """Return a phrase as a sentence. In all languages with capital letters, sentences begin with one, names aside."""
    if not phrase.startswith(names):
        phrase = phrase[:1].upper() + phrase[1:]
    # Translators: makes a sentence of a phrase; Japanese and Hindi have a full stop of their own.
    return _("{phrase}.", phrase=phrase)


def _fields(description: CheckpointDescription) -> Iterable[tuple[str, str]]:
    anatomy = description.anatomy
    if anatomy is not None:
        yield _("Architecture"), "\n".join(_architecture(anatomy))
        if anatomy.labels:
            labels = " · ".join(f"{index}: {label}" for index, label in enumerate(anatomy.labels))
            yield _("Labels"), fit(labels, LABELS)[0]
    if description.loaded is not None:
        yield _("On the device"), "\n".join(_on_devices(description.loaded, description.status))
    yield _("Where it comes from"), "\n".join(_origin(description))


def _architecture(anatomy: Anatomy) -> Iterable[str]:
    yield _(
        # Translators: {type} is the name of a model type in transformers, such as `bert`.
        "{architecture}, model type {type}",
        architecture=code_span(anatomy.architecture, WORD),
        type=code_span(anatomy.model_type, WORD),
    )
    if anatomy.positions is not None:
        yield _("Position embeddings: {kind}", kind=positions_in_words(anatomy.positions))
    if anatomy.activation is not None:
        yield _("Activation: {function}", function=fit(anatomy.activation, WORD)[0])
    if anatomy.tied is not None:
        yield (
            _("Output layer: the input embeddings, shared") if anatomy.tied else _("Output layer: weights of its own")
        )


def _on_devices(loaded: Loaded, status: CheckpointStatus) -> Iterable[str]:
    for replica in loaded.replicas[:DEVICES]:
        # Translators: such as "cuda:0: float32, 1.36 GB".
        yield _(
            "{device}: {precision}, {size}",
            device=replica.device,
            precision=replica.precision,
            size=in_bytes(replica.bytes),
        )
    if len(loaded.replicas) > DEVICES:
        yield and_more(len(loaded.replicas) - DEVICES)
    if status.precision_reason:
        # Translators: {reason} is why a checkpoint has the precision that it has, such as "bfloat16, as its weights".
        yield _("Precision {reason}", reason=fit(precision_in_words(status.precision_reason), REMARK)[0])
    # Translators: the part on top of a model, which does the task.
    yield _("Head: {name}", name=head_in_words(loaded.head))
    if status.joins is not None:
        yield (
            _("Texts that it writes join others that are under way")
            if status.joins
            else _("Texts that it writes wait until those under way are complete: its cache forgets, or it uses beams")
        )


def _origin(description: CheckpointDescription) -> Iterable[str]:
    yield from _source(description.source, None if description.files is None else description.files.commit)
    yield (
        _("Licence: not stated; see where it comes from")
        if description.licence == UNSTATED_LICENCE
        else _("Licence: {name}", name=fit(description.licence, WORD)[0])
    )
    sizes = []
    if description.download_mb is not None:
        # Translators: {size} is such as "1.36 GB".
        sizes.append(_("{size} to download", size=in_bytes(description.download_mb * 1_000_000)))
    if description.files is not None:
        sizes.append(_("{size} on the disk", size=in_bytes(description.files.bytes)))
    if sizes:
        yield enumerated(sizes)


def _source(source: SourceDescription, commit: str | None) -> Iterable[str]:
    match source.origin:
        case Origin.HUB:
            revision = commit or source.revision
            yield _("{name} on the Hugging Face hub", name=_on_the_hub(source.name, revision))
            yield (
                _("Revision: {commit}", commit=code_span(revision, WORD))
                if revision
                else _("Revision: the newest when it is fetched first")
            )
        case Origin.WHEELS:
            packages = enumerated(package.replace("==", " ") for package in source.packages)
            yield plural(
                "The Python package {names}",
                "The Python packages {names}",
                len(source.packages),
                names=fit(packages, PACKAGES)[0],
            )
            yield f"{code_span(source.name, WORD)}, SHA-256 {code_span(source.revision or '', WORD)}"
        case Origin.FOLDER:
            yield _("A folder of the machine that I run on, called {name}", name=fit(source.name, NAME)[0])


def _on_the_hub(repository: str, revision: str | None) -> str:
    name = fit(repository, WORD)[0]
    if HUB_ID.fullmatch(f"{repository}@{revision}" if revision else repository) is None:
        return name
    address = f"{HUB}/{repository}" + (f"/tree/{revision}" if revision else "")
    return f"[{name}]({address})" if len(address) <= LONGEST_ADDRESS else name


def _code(text: str) -> str:
    return f"```\n{text.replace('`', '')}\n```" if text else ""
