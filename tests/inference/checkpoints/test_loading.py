from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from blockbuster import BlockingError
from safetensors.torch import load_file, save_file
from torch.testing._internal.two_tensor import TwoTensor

from bot.errors import ModelUnavailable, SettingsError
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource
from bot.inference.checkpoints.loading import head_kind, load_head
from bot.inference.checkpoints.loading_times import LoadingTimes
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.compute import device as devices
from bot.inference.compute.device import Device
from bot.inference.status import Phase
from bot.inference.task import HeadKind
from bot.tasks import all_tasks
from bot.tasks.sentiment import SentimentRequest
from tests.support import CPU, preset_of
from tests.tiny import SHORT_CONTEXT


@pytest.fixture
def copied(checkpoints: Mapping[str, Path], tmp_path: Path) -> Path:
    """A DistilBERT that may be damaged."""
    return Path(shutil.copytree(checkpoints["distilbert"], tmp_path / "distilbert"))


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        ("DistilBertForSequenceClassification", HeadKind.SEQUENCE_CLASSIFIER),
        ("BartForSequenceClassification", HeadKind.SEQUENCE_CLASSIFIER),
        ("RobertaForMaskedLM", HeadKind.MASKED_LM),
        ("LlamaForCausalLM", HeadKind.CAUSAL_LM),
        ("GPT2LMHeadModel", HeadKind.CAUSAL_LM),
        ("T5ForConditionalGeneration", HeadKind.SEQ2SEQ_LM),
        ("MarianMTModel", HeadKind.SEQ2SEQ_LM),
        ("M2M100ForConditionalGeneration", HeadKind.SEQ2SEQ_LM),
        ("BertForTokenClassification", HeadKind.TOKEN_CLASSIFIER),
        ("DistilBertForQuestionAnswering", HeadKind.QUESTION_ANSWERING),
        ("BertModel", HeadKind.EMBEDDER),
    ],
)
def test_the_architecture_decides_the_head(architecture: str, kind: HeadKind) -> None:
    assert head_kind(architecture) is kind


@pytest.mark.parametrize("architecture", ["", "ViTForImageClassification", "BertForMultipleChoice"])
def test_architectures_that_nothing_here_can_use(architecture: str) -> None:
    with pytest.raises(ModelUnavailable, match=architecture or "unknown"):
        head_kind(architecture)


def test_context_lengths(load: Callable[[str], Any]) -> None:
    assert load("distilbert").context_length == SHORT_CONTEXT
    assert load("roberta").context_length == SHORT_CONTEXT
    assert load("roberta").model.config.max_position_embeddings == SHORT_CONTEXT + 2
    assert load("llama").context_length == 1024
    assert load("t5").context_length == SHORT_CONTEXT


def test_the_longest_text_of_roberta_fits_its_positions(checkpoints: Mapping[str, Path], tmp_path: Path) -> None:
    """Its tokenizer may promise more than its position embeddings, of which two are never used."""
    folder = Path(shutil.copytree(checkpoints["roberta"], tmp_path / "roberta"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["model_max_length"] = 10**30
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    head: Any = load_head(folder, CPU)
    assert head.context_length == SHORT_CONTEXT
    row = head.encode("I love <mask>. " * 60)
    assert row.tokens == SHORT_CONTEXT
    assert row.inputs.truncated
    [probabilities] = head.fill.run([row])
    assert probabilities.shape[0] == len(head.mask_positions(row.inputs.ids))


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_precision_of_the_weights(checkpoints: Mapping[str, Path], precision: str) -> None:
    head = load_head(checkpoints["distilbert"], Device("cpu", precision))
    assert {parameter.dtype for parameter in head.model.parameters()} == {getattr(torch, precision)}
    assert not head.model.training


def test_attention_on_a_gpu_makes_no_plans() -> None:
    def cudnn() -> bool:
        return bool(torch.backends.cuda.cudnn_sdp_enabled())  # type: ignore[no-untyped-call]

    before = cudnn()
    try:
        torch.backends.cuda.enable_cudnn_sdp(True)
        devices.disable_cudnn_attention(CPU)
        assert cudnn()
        devices.disable_cudnn_attention(Device("cuda:1", "bfloat16"))
        assert not cudnn()
    finally:
        torch.backends.cuda.enable_cudnn_sdp(before)


def test_bytes_of_weights_that_wrap_others(checkpoints: Mapping[str, Path]) -> None:
    """As torchao's do, which tell the size that they had before they were rounded."""
    head = load_head(checkpoints["distilbert"], CPU, packed=False)
    before = head.weight_bytes
    layer = head.model.get_submodule("pre_classifier")
    assert isinstance(layer, torch.nn.Linear)
    weight = layer.weight.detach()
    both = TwoTensor(weight, weight.clone())  # type: ignore[no-untyped-call]
    layer.weight = torch.nn.Parameter(both, requires_grad=False)
    assert head.weight_bytes == before + weight.nbytes


def test_checkpoints_that_are_loaded_at_once(checkpoints: Mapping[str, Path]) -> None:
    """transformers replaces functions of its own meanwhile, which all threads share."""
    before = transformers.PreTrainedModel.tie_weights
    with ThreadPoolExecutor(3) as threads:
        folders = [checkpoints["llama"], checkpoints["t5"], checkpoints["llama"]] * 4
        heads = list(threads.map(partial(load_head, device=CPU), folders))
    assert transformers.PreTrainedModel.tie_weights is before
    assert len(heads) == 12
    assert not any(parameter.is_meta for head in heads for parameter in head.model.parameters())


def test_damaged_weights(copied: Path, caplog: pytest.LogCaptureFixture) -> None:
    weights = copied / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000])
    with pytest.raises(ModelUnavailable, match=r"damaged.*python -m bot pull") as caught:
        load_head(copied, CPU)
    assert str(copied) not in caught.value.sentence
    assert str(copied) not in caplog.text


def test_weights_that_lack_tensors(copied: Path, caplog: pytest.LogCaptureFixture) -> None:
    """transformers draws random numbers for them, which would give plausible answers."""
    weights = load_file(copied / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, copied / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelUnavailable, match="random numbers"):
        load_head(copied, CPU)
    assert "1 tensors of a checkpoint are missing" in caplog.text


def test_a_sentence_encoder_needs_no_pooler(checkpoints: Mapping[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoints["minilm"], tmp_path / "minilm"))
    weights = {name: one for name, one in load_file(folder / "model.safetensors").items() if "pooler" not in name}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert load_head(folder, CPU).kind is HeadKind.EMBEDDER


def test_an_index_that_names_a_pickle(copied: Path) -> None:
    (copied / "model.safetensors").rename(copied / "model-1.safetensors")
    pickled = copied / "pytorch_model.bin"
    torch.save({"classifier.bias": torch.zeros(2)}, pickled)
    names = {**dict.fromkeys(load_file(copied / "model-1.safetensors"), "model-1.safetensors")}
    index = {"metadata": {}, "weight_map": {**names, "classifier.bias": pickled.name}}
    (copied / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelUnavailable, match="damaged"):
        load_head(copied, CPU)
    index["weight_map"] = names
    (copied / "model.safetensors.index.json").write_text(json.dumps(index))
    assert load_head(copied, CPU).kind is HeadKind.SEQUENCE_CLASSIFIER


def test_a_configuration_that_is_none(copied: Path) -> None:
    (copied / "config.json").write_text("{")
    with pytest.raises(ModelUnavailable, match="damaged"):
        load_head(copied, CPU)


def test_an_architecture_that_nothing_here_can_use(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "architectures": ["DistilBertForMultipleChoice"]}))
    with pytest.raises(ModelUnavailable, match="DistilBertForMultipleChoice"):
        load_head(copied, CPU)


def test_pickled_weights_are_never_opened(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    (copied / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(ModelUnavailable):
        load_head(copied, CPU)


def test_code_of_a_checkpoint_is_never_run(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}
    (copied / "config.json").write_text(json.dumps(config))
    (copied / "evil.py").write_text(f"from pathlib import Path\nPath({str(copied / 'ran')!r}).touch()\n")
    with pytest.raises(ModelUnavailable):
        load_head(copied, CPU)
    assert not (copied / "ran").exists()


def test_code_beside_a_known_architecture_is_left_alone(copied: Path) -> None:
    """`auto_map` names code for the configuration, the tokenizer and the model; the library's own classes are taken."""
    ran = copied / "ran"
    (copied / "evil.py").write_text(f"from pathlib import Path\nPath({str(ran)!r}).touch()\n")
    for name, kinds in {
        "config.json": {"AutoConfig": "evil.Config", "AutoModelForSequenceClassification": "evil.Model"},
        "tokenizer_config.json": {"AutoTokenizer": ["evil.Slow", "evil.Fast"]},
    }.items():
        content = json.loads((copied / name).read_text())
        (copied / name).write_text(json.dumps({**content, "auto_map": kinds, "trust_remote_code": True}))
    assert type(load_head(copied, CPU).model).__module__.startswith("transformers.")
    assert not ran.exists()


async def test_pickled_weights_through_the_worker(copied: Path, make_worker: Callable[..., Any]) -> None:
    (copied / "model.safetensors").unlink()
    (copied / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    async with make_worker(preset_of({"sentiment": copied})) as worker:
        with pytest.raises(ModelUnavailable, match="pickled"):
            await worker.run(SentimentRequest("I love apples"), person=1)
        assert worker.task_state("sentiment").phase is Phase.FAILED


async def test_a_task_without_a_checkpoint(make_worker: Callable[..., Any], checkpoints: Mapping[str, Path]) -> None:
    async with make_worker(preset_of({"fill": checkpoints["roberta"]})) as worker:
        with pytest.raises(ModelUnavailable, match="/sentiment"):
            await worker.run(SentimentRequest("I love apples"), person=1)


async def test_a_checkpoint_that_cannot_do_the_task(
    make_worker: Callable[..., Any], checkpoints: Mapping[str, Path]
) -> None:
    async with make_worker(preset_of({"sentiment": checkpoints["t5"]})) as worker:
        with pytest.raises(ModelUnavailable, match=r"/sentiment is a encoder-decoder|/sentiment is an encoder-decoder"):
            await worker.run(SentimentRequest("I love apples"), person=1)


async def test_tasks_with_the_same_checkpoint_share_it(checkpoints: Mapping[str, Path], tmp_path: Path) -> None:
    folder = checkpoints["bart_mnli"]
    models = CheckpointPool(preset_of({"sentiment": folder, "zeroshot": folder}), CPU, tmp_path)
    first, second = await models.get("sentiment"), await models.get("zeroshot")
    assert first is second
    assert models.state("sentiment") is models.state("zeroshot")
    await models.aclose()


async def test_preloading_goes_on_after_a_failure(
    checkpoints: Mapping[str, Path], tmp_path: Path, make_worker: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    nothing = tmp_path / "nothing"
    preset = preset_of({"fill": nothing, "sentiment": checkpoints["distilbert"], "generate": nothing})
    async with make_worker(preset) as worker:
        await worker.preload()
        assert worker.task_state("fill").phase is Phase.FAILED
        assert worker.task_state("sentiment").phase is Phase.READY
    assert caplog.text.count("is not available") == 1
    assert "for /fill, /generate is not available" in caplog.text


async def test_what_a_checkpoint_translates_is_known_when_it_is_loaded(
    checkpoints: Mapping[str, Path], tmp_path: Path
) -> None:
    models = CheckpointPool(preset_of({"translate": checkpoints["t5"]}), CPU, tmp_path)
    assert models.state("translate").languages is None
    await models.get("translate")
    languages = models.state("translate").languages
    assert languages is not None
    assert languages.into("en") == {"de", "fr", "ro"}
    await models.aclose()


def test_declared_languages_are_known_before(checkpoints: Mapping[str, Path], tmp_path: Path) -> None:
    models = CheckpointPool(preset_of({"translate": checkpoints["t5"]}, languages=(("en", "es"),)), CPU, tmp_path)
    languages = models.state("translate").languages
    assert languages is not None
    assert languages.find("en", "es-MX") == ("en", "es")


@pytest.mark.parametrize("content", [None, "{", "[1]", '{"a": null}', '{"a": "x"}', "\x00"])
def test_loading_times_that_cannot_be_read(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "deep" / "times.json"
    if content is not None:
        path.parent.mkdir()
        path.write_text(content)
    times = LoadingTimes(path)
    assert times.expected("a") == 5.0
    times.record("a", 2.0)
    assert LoadingTimes(path).expected("a") == 2.0


async def test_the_detector_of_blocking_calls_works(tmp_path: Path) -> None:
    with pytest.raises(BlockingError):
        LoadingTimes(tmp_path / "new" / "times.json").record("a", 1.0)


def test_loading_times_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    LoadingTimes(tmp_path / "file" / "times.json").record("a", 2.0)


def test_each_task_checks_the_head() -> None:
    for task in all_tasks():
        assert task.implementations
        for kind in set(HeadKind) - set(task.implementations):
            with pytest.raises(ModelUnavailable, match=f"/{task.name}.*{task.name.upper()}_CHECKPOINT"):
                task.on(kind)


class TestDevice:
    def test_the_best_there_is(self) -> None:
        device = Device.choose()
        assert device.precision in devices.PRECISIONS
        assert device.on_cpu == (not torch.cuda.is_available() and not torch.backends.mps.is_available())

    def test_what_was_asked_for(self) -> None:
        assert Device.choose("cpu", "float32") == CPU
        assert CPU.dtype is torch.float32
        assert CPU.on_cpu

    @pytest.mark.parametrize("name", ["cuda:63", "gpu", "", "cpu:x"])
    def test_a_device_that_is_not_there(self, name: str) -> None:
        with pytest.raises(SettingsError, match="no such device"):
            Device.choose(name)

    def test_a_precision_that_there_is_not(self) -> None:
        with pytest.raises(SettingsError, match=r"float64.*bfloat16"):
            Device.choose("cpu", "float64")

    @pytest.mark.parametrize(
        ("capabilities", "precision"),
        [({"avx512_bf16": True}, "bfloat16"), ({"amx_bf16": True}, "bfloat16"), ({"avx512": True}, "float32")],
    )
    def test_bfloat16_only_where_the_hardware_multiplies_it(
        self, monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], precision: str
    ) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
        assert Device.choose("cpu").precision == precision

    @pytest.mark.parametrize(
        ("capability", "precision"), [((7, 5), "float16"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")]
    )
    def test_precision_of_a_gpu(
        self, monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], precision: str
    ) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        assert Device.choose() == Device("cuda:0", precision)


def test_the_spec_of_a_folder() -> None:
    assert CheckpointSpec("x", FolderSource(Path("/a/b"))).key == "/a/b"
