"""Rows of unlike lengths that share forward passes get the logits that each would get alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.causal_lm import CausalLM, model_runner
from bot.inference.heads.generation.continuous_batching import Generation, RunningBatch
from bot.inference.heads.generation.cuda_graphs import CudaGraphs
from bot.inference.heads.generation.kv_cache import ROW_OVERHEAD, long_rows
from bot.inference.heads.generation.padded_runner import PaddedRunner
from bot.inference.heads.generation.ragged_runner import SPARE, RaggedRunner, can_be_ragged
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.operations import run_session
from tests import tiny
from tests.inference.heads.generation.coming_and_going import come_and_go
from tests.support import CPU

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
GROUPED = {**SIZES, "num_key_value_heads": 2}


def configs(vocabulary: int) -> dict[str, tuple[type[Any], Any, bool]]:
    """Architectures, and whether their rows can be ragged."""
    common = {"vocab_size": vocabulary, "max_position_embeddings": 256, "eos_token_id": None, "pad_token_id": None}
    wide = {"initializer_range": 0.3}
    gpt2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "vocab_size": vocabulary}
    return {
        "gpt2": (transformers.GPT2LMHeadModel, transformers.GPT2Config(**gpt2, **wide), True),
        "gpt_neox": (transformers.GPTNeoXForCausalLM, transformers.GPTNeoXConfig(**common, **SIZES, **wide), True),
        "qwen3": (
            transformers.Qwen3ForCausalLM,
            transformers.Qwen3Config(**common, **GROUPED, **wide, head_dim=16),
            True,
        ),
        "opt": (
            transformers.OPTForCausalLM,
            transformers.OPTConfig(
                vocab_size=vocabulary,
                hidden_size=32,
                ffn_dim=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                word_embed_proj_dim=32,
                max_position_embeddings=256,
                init_std=0.3,
            ),
            True,
        ),
        "mistral": (
            transformers.MistralForCausalLM,
            transformers.MistralConfig(**common, **GROUPED, **wide, sliding_window=None),
            True,
        ),
        "a window": (
            transformers.MistralForCausalLM,
            transformers.MistralConfig(**common, **GROUPED, **wide, sliding_window=6),
            False,
        ),
        "biased by distance": (
            transformers.BloomForCausalLM,
            transformers.BloomConfig(vocab_size=vocabulary, hidden_size=32, n_layer=2, n_head=4, **wide),
            False,
        ),
        "states": (
            transformers.MambaForCausalLM,
            transformers.MambaConfig(vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, state_size=4),
            False,
        ),
    }


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], CausalLM]:
    """Build and load a checkpoint of one of `configs`."""

    def built(name: str) -> CausalLM:
        tokenizer = tiny._byte_level(roberta_specials=False)
        architecture, config, _ = configs(len(tokenizer))[name]
        folder = tmp_path_factory.mktemp("ragged") / "checkpoint"
        with torch.random.fork_rng():
            torch.manual_seed(0)
            tiny._save(folder, architecture(config), tokenizer)
        head = load_head(folder, CPU)
        assert isinstance(head, CausalLM)
        return head

    return built


def plain(head: Any, text: list[int]) -> torch.Tensor:
    """The next token's logits in a forward pass by itself."""
    found: torch.Tensor = head.model(input_ids=torch.tensor([text]), use_cache=False).logits[0, -1]
    return found


class Texts:
    """Rows, and beside them what each has read."""

    pads = False

    def __init__(self, head: Any, recorded: CudaGraphs | None = None) -> None:
        self.head = head
        self.rows = RaggedRunner(head, recorded)
        self.rows._pads = self.pads
        self.read: list[list[int]] = []

    @torch.inference_mode()
    def go_on(self, last: list[int], prompts: list[list[int]]) -> None:
        for text, token in zip(self.read, last, strict=True):
            text.append(token)
        self.read += [list(prompt) for prompt in prompts]
        logits = self.rows.forward(self.head.tensor(last), prompts)
        assert logits.dtype == torch.float32
        assert len(logits) == len(self.read)
        for found, text in zip(logits, self.read, strict=True):
            torch.testing.assert_close(found, plain(self.head, text), atol=2e-4, rtol=1e-4)

    @torch.inference_mode()
    def keep(self, slots: list[int]) -> None:
        self.rows.keep(slots)
        self.read = [self.read[slot] for slot in slots]


@pytest.fixture(params=["exact", "filled up", "as on a GPU"])
def llama(load: Callable[[str], Any], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A checkpoint whose steps are filled up to few numbers of tokens, or are not, or whose new rows are padded."""
    head = load("llama")
    monkeypatch.setattr(head, "is_packed", request.param == "filled up")
    if request.param == "as on a GPU":
        monkeypatch.setattr(Texts, "pads", True)
    return head


TOKENS = st.integers(0, 255)
PROMPTS = st.lists(st.lists(TOKENS, min_size=1, max_size=30), max_size=3)


@pytest.mark.measured_elsewhere
@given(data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_comes_and_goes(llama: Any, data: st.DataObject) -> None:
    texts = Texts(llama)
    for _ in come_and_go(texts, data, TOKENS, PROMPTS):
        pass


def test_room_runs_out(llama: Any) -> None:
    texts = Texts(llama)
    texts.go_on([], [[1, 2, 3], [4]])
    for step in range(2 * SPARE + 10):
        texts.go_on([step % 200, 7], [])
    texts.keep([1])
    texts.go_on([5], [list(range(200))])


def test_long_rows_among_short_ones(llama: Any) -> None:
    """Their attention is computed one by one."""
    texts = Texts(llama)
    texts.go_on([], [[1, 2], list(range(180)), [3], [4, 5, 6], *([number] for number in range(12))])
    assert long_rows(texts.rows._cache.starts, texts.rows._cache.end) == [1]
    for step in range(3):
        texts.go_on([step + index for index in range(16)], [])
    texts.keep([1, 3, 0])
    texts.go_on([7, 8, 9], [[10, 11]])


def cost(starts: list[int], end: int, alone: Sequence[int]) -> int:
    """The cost in columns that are read, overhead included."""
    together = [start for row, start in enumerate(starts) if row not in alone]
    return sum(end - starts[row] + ROW_OVERHEAD for row in alone) + len(starts) * (end - min(together))


@given(starts=st.lists(st.integers(0, 400), min_size=1, max_size=16))
def test_as_many_alone_as_is_cheapest(starts: list[int]) -> None:
    end = max(starts) + 1
    alone = long_rows(starts, end)
    longest = sorted(range(len(starts)), key=starts.__getitem__)
    assert len(set(alone)) == len(alone) < len(starts)
    assert cost(starts, end, alone) == min(cost(starts, end, longest[:number]) for number in range(len(starts)))


def test_rows_of_about_one_length_are_never_alone() -> None:
    assert long_rows([], 5) == []
    assert long_rows([3], 500) == []
    assert long_rows([0, 10, 12], 30) == []
    assert long_rows([*range(300, 315), 0], 340) == [15]


@pytest.mark.parametrize("name", list(configs(300)))
def test_architectures(build: Callable[[str], CausalLM], name: str) -> None:
    head = build(name)
    _, _, ragged = configs(300)[name]
    with torch.inference_mode():
        assert can_be_ragged(head) is ragged
    assert {one.config._attn_implementation for one in (head.model,)} <= {"sdpa", "eager"}
    if ragged:
        texts = Texts(head)
        texts.go_on([], [[5, 6, 7, 8], [9, 10]])
        texts.go_on([11, 12], [[13, 14, 15]])
        texts.keep([2, 0])
        texts.go_on([16, 17], [])


@pytest.mark.parametrize("name", ["biased by distance", "states"])
def test_others_are_written_together(build: Callable[[str], CausalLM], name: str) -> None:
    head = build(name)
    prompts = ["I love", "I love apples and lemons", "Who?"]
    rows = [head.generation(head.encode(prompt), 8, sampling=Sampling.likeliest()) for prompt in prompts]
    decoder: RunningBatch[Generation] = RunningBatch(head, frozenset(), lambda: model_runner(head))
    outputs = run_session(decoder, rows)
    assert not decoder.joinable
    assert isinstance(decoder._runner, PaddedRunner)
    for row, output in zip(rows, outputs, strict=True):
        ids = torch.tensor([row.inputs.prompt])
        options = {"max_new_tokens": 8, "do_sample": False, "eos_token_id": None}
        expected = head.model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options)
        assert list(output.ids) == expected[0, ids.shape[1] :].tolist()


def test_a_function_of_another_kind_is_refused(build: Callable[[str], CausalLM]) -> None:
    """As of Gemma 2, which caps the logits of its attention."""
    head = build("qwen3")
    layer = head.model.model.layers[0].self_attn
    forward = type(layer).forward
    layer.forward = lambda *args, **kwargs: forward(layer, *args, **kwargs, softcap=30.0)
    with torch.inference_mode():
        assert not can_be_ragged(head)
