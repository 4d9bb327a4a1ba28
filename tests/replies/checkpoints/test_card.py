"""What `/models` shows of checkpoints, and that it keeps Discord's limits whatever they are called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.checkpoints.catalogue import Family
from bot.inference.checkpoints.description import (
    Anatomy,
    CheckpointDescription,
    Files,
    Layer,
    Loaded,
    Origin,
    Replica,
    SourceDescription,
    Stack,
)
from bot.inference.status import CheckpointStatus, Phase
from bot.locales.numbers import in_bytes, in_millions
from bot.replies.checkpoints.card import detail
from bot.replies.checkpoints.layers import tree
from bot.replies.checkpoints.overview import COLOUR, options, overview
from bot.replies.checkpoints.state import FAMILY_HEADINGS, FAMILY_PURPOSES, state
from bot.replies.checkpoints.table import table
from bot.replies.formatting.text import escape, units
from bot.replies.reply import Reply
from tests.replies.test_text import live

WRITTEN = st.one_of(
    st.text(min_size=1, max_size=300),
    st.tuples(st.sampled_from(["*", "a ", "\n> ", "@everyone ", "👩‍👧", "`", "[a](b) "]), st.integers(1, 500)).map(
        lambda pair: pair[0] * pair[1]
    ),
)

LAYERS = Layer(
    "model",
    "TinyModel",
    "",
    1,
    134_515_008,
    (
        Layer("embed", "Embedding", "49152 × 576", 1, 28_311_552, ()),
        Layer(
            "layers",
            "ModuleList",
            "",
            1,
            106_202_880,
            (
                Layer(
                    "0-29",
                    "Block",
                    "",
                    30,
                    3_540_096,
                    (
                        Layer("q", "Linear", "576 → 576, no bias", 1, 331_776, ()),
                        Layer("k", "Linear", "576 → 192, no bias", 1, 110_592, ()),
                        Layer("v", "Linear", "576 → 192, no bias", 1, 110_592, ()),
                        Layer("act", "SiLU", "", 1, 0, ()),
                    ),
                ),
            ),
        ),
        Layer("norm", "Norm", "576", 1, 576, ()),
    ),
)
ANATOMY = Anatomy(
    architecture="TinyForCausalLM",
    model_type="tiny",
    family=Family.DECODER,
    stacks=(Stack("decoder", 30, 9, 3, 1536),),
    hidden_size=576,
    activation="silu",
    positions="rotary (RoPE)",
    longest=8192,
    window=None,
    vocabulary=49152,
    labels=(),
    parameters=134_515_008,
    tied=True,
    layers=LAYERS,
)
STATUS = CheckpointStatus(
    name="Tiny-135M",
    tasks=("sentiment", "generate"),
    phase=Phase.READY,
    bytes=269_030_016,
    precision=("bfloat16",),
    precision_reason="bfloat16: this CPU multiplies it natively",
    requests=0,
    idle_seconds=3.0,
    joins=True,
)
READY = CheckpointDescription(
    status=STATUS,
    activity="",
    fraction=None,
    seconds_left=None,
    source=SourceDescription(Origin.HUB, "tiny/Tiny-135M", "main"),
    licence="Apache-2.0",
    declared_family=Family.DECODER,
    download_mb=98,
    note="A small model.",
    files=Files(271_000_000, "0123abcd", ANATOMY),
    loaded=Loaded("causal language model", 134_515_008, 2048, 49152, (Replica("cpu", "bfloat16", 269_030_016),)),
)


def at(phase: Phase, requests: int = 0, **known: Any) -> CheckpointDescription:
    """A checkpoint that is not loaded."""
    status = replace(STATUS, phase=phase, bytes=0, precision=(), precision_reason="", requests=requests, joins=None)
    return replace(READY, status=status, loaded=None, **known)


def fields(reply: Reply) -> dict[str, str]:
    return {str(one.name): str(one.value) for one in reply.embed.fields}


def assert_within_limits(reply: Reply) -> None:
    embed = reply.embed
    assert 0 < units(embed.title or "") <= 256
    assert 0 < units(embed.description or "") <= 4096
    assert len(embed.fields) <= 25
    for name, value in fields(reply).items():
        assert 0 < units(name) <= 256
        assert 0 < units(value) <= 1024
    assert (
        sum(map(units, [embed.title or "", embed.description or "", embed.footer.text or ""]))
        + sum(units(name) + units(value) for name, value in fields(reply).items())
        <= 6000
    )
    if reply.file is not None:
        reply.file.text.encode("utf-8")


class TestOverview:
    def test_each_in_three_lines_and_the_families(self) -> None:
        reply = overview([READY, at(Phase.WAITING, files=None, declared_family=None)])
        assert reply.embed.description == (
            "**Tiny-135M**\n"
            "decoder · 134.5 million parameters · ready on cpu in bfloat16, 269 MB\n"
            "For `/sentiment`, `/generate`\n\n"
            "**Tiny-135M**\nfamily not known yet · not loaded yet\nFor `/sentiment`, `/generate`"
        )
        assert fields(reply) == {str(FAMILY_HEADINGS[family]): str(FAMILY_PURPOSES[family]) for family in Family}
        assert reply.embed.colour is not None
        assert reply.embed.colour.value == COLOUR

    def test_the_use_cases_of_the_course(self) -> None:
        assert "classifying texts, finding named entities, marking the answer" in str(FAMILY_PURPOSES[Family.ENCODER])
        assert "comparing texts, and filling masks" in str(FAMILY_PURPOSES[Family.ENCODER])
        assert "generating text, completing text and code, and chat" in str(FAMILY_PURPOSES[Family.DECODER])
        assert "translating and summarising" in str(FAMILY_PURPOSES[Family.ENCODER_DECODER])

    def test_many_are_cut(self) -> None:
        many = [replace(READY, status=replace(STATUS, name=f"tiny-{number}")) for number in range(60)]
        reply = overview(many)
        assert_within_limits(reply)
        shown = reply.embed.description or ""
        more = 60 - shown.count("\nFor ")
        assert 20 < 60 - more < 60
        assert shown.endswith(f"… and {more} more, which the option `checkpoint` finds")
        offered = options(many)
        assert len(offered) == 25
        assert [one.label for one in offered[:2]] == ["tiny-0", "tiny-1"]

    def test_what_the_menu_offers(self) -> None:
        [offered] = options([READY])
        assert (offered.label, offered.value) == ("Tiny-135M", "sentiment")
        assert offered.description == "decoder · /sentiment, /generate"

    @given(st.lists(WRITTEN, min_size=1, max_size=30), st.sampled_from(Phase))
    def test_keeps_the_limits(self, names: list[str], phase: Phase) -> None:
        described = [replace(at(phase), status=replace(STATUS, name=name, phase=phase)) for name in names]
        assert_within_limits(overview(described))
        for option in options(described):
            assert 0 < units(option.label) <= 100
            assert units(option.description or "") <= 100


class TestState:
    @pytest.mark.parametrize(
        ("description", "words"),
        [
            (READY, "ready on cpu in bfloat16, 269 MB"),
            (at(Phase.WAITING), "not loaded yet"),
            (at(Phase.WAITING, requests=2), "waits to be loaded"),
            (at(Phase.FETCHING, activity="downloading", fraction=0.409), "downloading, 40 %"),
            (at(Phase.FETCHING, activity="waiting", fraction=None), "waiting"),
            (at(Phase.FETCHING), "fetching"),
            (at(Phase.LOADING, seconds_left=4.2), "loading, about 5 s left"),
            (at(Phase.LOADING), "loading"),
            (at(Phase.EVICTED), "is not on the device, and comes back when it is used"),
            (at(Phase.FAILED), "could not be loaded, and is tried again when it is used"),
        ],
    )
    def test_in_words(self, description: CheckpointDescription, words: str) -> None:
        assert state(description) == words
        assert f"\n{words[0].upper()}{words[1:]}.\n" in (detail(description).embed.description or "")

    @pytest.mark.parametrize(
        ("failed", "words"), [(1, "an answer was no finite number"), (1_200, "1,200 answers were no finite number")]
    )
    def test_a_suspect_is_marked(self, failed: int, words: str) -> None:
        """Also after it has left the device."""
        suspect = replace(READY, status=replace(STATUS, nonfinite=failed))
        gone = replace(at(Phase.EVICTED), status=replace(at(Phase.EVICTED).status, nonfinite=failed))
        for description in (suspect, gone):
            assert f"suspect: {words}" in state(description)
            assert f"suspect: {words}" in str(overview([description]).embed.description)
        assert "suspect" not in state(READY)

    def test_several_devices(self) -> None:
        assert READY.loaded is not None
        replicas = (Replica("cuda:0", "int8", 70_000_000), Replica("cuda:1", "bfloat16", 130_000_000))
        several = replace(
            READY, status=replace(STATUS, bytes=200_000_000), loaded=replace(READY.loaded, replicas=replicas)
        )
        assert state(several) == "ready on cuda:0 and cuda:1, 2 replicas in int8 and bfloat16, 200 MB in all"
        assert fields(detail(several))["On the device"].startswith("cuda:0: int8, 70 MB\ncuda:1: bfloat16, 130 MB\n")


class TestDetail:
    def test_has_everything(self) -> None:
        reply = detail(READY)
        assert_within_limits(reply)
        assert reply.file is None
        description = reply.embed.description or ""
        assert description.startswith(f"**Decoder.** {FAMILY_PURPOSES[Family.DECODER]}\n")
        assert "It answers `/sentiment`, `/generate` here.\nReady on cpu in bfloat16, 269 MB.\n" in description
        assert "A small model." in description
        assert f"```\n{table(READY)}\n```" in description
        assert f"```\n{tree(LAYERS)}\n```" in description
        assert fields(reply) == {
            "Architecture": (
                "`TinyForCausalLM`, model type `tiny`\nPosition embeddings: rotary (RoPE)\nActivation: silu\n"
                "Output layer: the input embeddings, shared"
            ),
            "On the device": (
                "cpu: bfloat16, 269 MB\nPrecision bfloat16: this CPU multiplies it natively\n"
                "Head: causal language model\nTexts that it writes join others that are under way"
            ),
            "Where it comes from": (
                "[tiny/Tiny-135M](https://huggingface.co/tiny/Tiny-135M/tree/0123abcd) on the Hugging Face hub\n"
                "Revision: `0123abcd`\nLicence: Apache-2.0\n98 MB to download, 271 MB on the disk"
            ),
        }

    def test_the_table(self) -> None:
        assert table(READY).splitlines() == [
            "parameters         134,515,008",
            "context length           2,048",
            "vocabulary              49,152",
            "positions                8,192",
            "hidden size                576",
            "layers                      30",
            "attention heads              9",
            "key-value heads              3",
            "feed-forward size        1,536",
        ]

    def test_the_table_of_an_encoder_decoder(self) -> None:
        stacks = (Stack("encoder", 12, 16, None, 4096), Stack("decoder", 6, 16, None, None))
        anatomy = replace(
            ANATOMY, family=Family.ENCODER_DECODER, stacks=stacks, window=512, vocabulary=32128, parameters=None
        )
        assert table(at(Phase.WAITING, files=Files(1, None, anatomy))).splitlines() == [
            "embedding rows               32,128",
            "positions                     8,192",
            "sliding window                  512",
            "hidden size                     576",
            "                   encoder  decoder",
            "layers                  12        6",
            "attention heads         16       16",
            "feed-forward size    4,096         ",
        ]

    def test_not_on_this_machine(self) -> None:
        reply = detail(at(Phase.WAITING, files=None))
        assert "Use `/sentiment`, and it is loaded for you." in (reply.embed.description or "")
        assert "```" not in (reply.embed.description or "")
        assert list(fields(reply)) == ["Where it comes from"]
        assert "98 MB to download" in fields(reply)["Where it comes from"]
        assert "on the disk" not in fields(reply)["Where it comes from"]
        unknown = detail(at(Phase.WAITING, files=None, declared_family=None, download_mb=None))
        assert (unknown.embed.description or "").startswith("Which family it is of is known when it has been")

    def test_sources(self) -> None:
        wheels = SourceDescription(Origin.WHEELS, "tiny.gguf", "b179", ("tiny-a==1.0.0", "tiny-b==2.0"))
        shown = fields(detail(replace(READY, source=wheels, files=None)))["Where it comes from"]
        assert shown.startswith("The Python packages tiny-a 1.0.0, tiny-b 2.0\n`tiny.gguf`, SHA-256 `b179`\n")
        folder = SourceDescription(Origin.FOLDER, "my_model")
        shown = fields(detail(replace(READY, source=folder, files=None)))["Where it comes from"]
        assert shown.startswith("A folder of the machine that I run on, called my\\_model\nLicence")
        newest = SourceDescription(Origin.HUB, "tiny/model")
        shown = fields(detail(replace(READY, source=newest, files=None)))["Where it comes from"]
        assert shown.startswith(
            "[tiny/model](https://huggingface.co/tiny/model) on the Hugging Face hub\nRevision: the newest when"
        )

    def test_whether_texts_join(self) -> None:
        alone = detail(replace(READY, status=replace(STATUS, joins=False)))
        assert "wait until those under way are complete" in fields(alone)["On the device"]
        never = detail(replace(READY, status=replace(STATUS, joins=None)))
        assert "Texts" not in fields(never)["On the device"]

    def test_labels(self) -> None:
        anatomy = replace(ANATOMY, labels=("NEGATIVE", "POS*"))
        reply = detail(replace(READY, files=Files(1, None, anatomy)))
        assert fields(reply)["Labels"] == "0: NEGATIVE · 1: POS\\*"

    def test_many_layers_are_attached(self) -> None:
        blocks = tuple(replace(LAYERS, name=f"block {number}") for number in range(20))
        anatomy = replace(ANATOMY, layers=replace(LAYERS, parts=blocks))
        reply = detail(replace(READY, files=Files(1, None, anatomy)))
        assert_within_limits(reply)
        assert reply.file is not None
        assert reply.file.name == "layers.txt"
        assert tree(replace(LAYERS, parts=blocks)) in reply.file.text
        assert "Layers" in fields(reply)
        assert "**Layers**" not in (reply.embed.description or "")

    @given(WRITTEN, st.sampled_from(Origin), st.integers(1, 30))
    def test_keeps_the_limits(self, text: str, origin: Origin, number: int) -> None:
        anatomy = replace(
            ANATOMY, architecture=text, model_type=text, activation=text, labels=(text,) * number,
            layers=replace(LAYERS, parts=LAYERS.parts * number),
        )  # fmt: skip
        described = replace(
            READY,
            status=replace(STATUS, name=text, precision_reason=text),
            source=SourceDescription(origin, text[:96], text, (text,) * (number % 9)),
            files=Files(1, None, anatomy),
            licence=text,
            note=text,
        )
        assert_within_limits(detail(described))

    def test_nothing_in_it_is_live(self) -> None:
        text = "@everyone <@1> **a** `b` https://example.com ```c"
        for reply in (
            detail(replace(READY, status=replace(STATUS, name=text), note=text, licence=text)),
            overview([replace(READY, status=replace(STATUS, name=text))]),
        ):
            shown = "".join([reply.embed.title or "", reply.embed.description or "", *fields(reply).values()])
            assert "@everyone" not in shown
            assert "<@" not in live(shown)
            assert "https://example" not in shown
            assert escape(text) in shown


class TestTree:
    def test_equal_layers_are_one(self) -> None:
        assert tree(LAYERS).splitlines() == [
            "TinyModel · 134.5 million parameters",
            " embed: Embedding(49152 × 576)",
            " layers: 30 × Block · 3.5 million each",
            "  q: Linear(576 → 576, no bias)",
            "  k, v: 2 × Linear(576 → 192, no bias)",
            "  act: SiLU",
            " norm: Norm(576)",
        ]

    def test_blocks_that_differ_are_listed(self) -> None:
        first = Layer("0", "Block", "", 1, 20, (Layer("bias", "Embedding", "2 × 10", 1, 20, ()),))
        others = Layer("1-11", "Block", "", 11, 5, (Layer("w", "Norm", "5", 1, 5, ()),))
        blocks = Layer("blocks", "ModuleList", "", 1, 75, (first, others))
        assert tree(Layer("model", "Model", "", 1, 75, (blocks,))).splitlines() == [
            "Model · 75 parameters",
            " blocks: ModuleList · 75",
            "  0: Block · 20",
            "   bias: Embedding(2 × 10)",
            "  1–11: 11 × Block · 5 each",
            "   w: Norm(5)",
        ]

    def test_long_names_have_a_line_each(self) -> None:
        names = ("input_layernorm", "post_attention_layernorm")
        norms = tuple(Layer(name, "Norm", "576", 1, 576, ()) for name in names)
        assert tree(Layer("model", "Model", "", 1, 1_152, norms)).splitlines()[1:] == [
            " input_layernorm: Norm(576)",
            " post_attention_layernorm: Norm(576)",
        ]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (47_392, "47,392"),
        (999_999, "999,999"),
        (1_000_000, "1.0 million"),
        (134_515_008, "134.5 million"),
        (999_960_000, "1.00 billion"),
        (1_720_574_976, "1.72 billion"),
        (1_500_000_000_000, "1,500.00 billion"),
    ],
)
def test_numbers_in_words(number: int, words: str) -> None:
    assert in_millions(number) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (127_880, "128 kB"),
        (999_600, "1 MB"),
        (269_030_016, "269 MB"),
        (999_600_000, "1.00 GB"),
        (1_360_000_000, "1.36 GB"),
    ],
)
def test_sizes_in_words(number: int, words: str) -> None:
    assert in_bytes(number) == words
