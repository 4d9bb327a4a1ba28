"""Which checkpoints may be chosen besides a preset's, and for which tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.inference.checkpoints.abilities import abilities_of, read_abilities
from bot.inference.checkpoints.catalogue import LONGEST_NAME, Catalogue, HubSource, Preset
from bot.inference.checkpoints.offers import MOST_NAMED, Offers, not_offered
from bot.inference.task import Abilities, HeadKind
from bot.tasks import all_tasks

WRITING = {"sentiment", "fill", "generate", "translate", "zeroshot", "entities", "answer", "summarize", "complete"}
"""What every causal language model can do here, besides `/chat`."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.read()


@pytest.fixture(scope="module")
def offers() -> Offers:
    return Offers(all_tasks())


FAMILIES: list[tuple[str, set[str]]] = [
    ("gpt2", WRITING | {"chat"}),
    ("gpt-neo-125m", WRITING | {"chat"}),
    ("bert-base-uncased", {"fill"}),
    ("roberta-base", {"fill"}),
    ("t5-small", {"translate", "summarize"}),
    ("bart-large-cnn", {"summarize"}),
    ("m2m100", {"translate"}),
    ("all-minilm-l6-v2", {"similarity"}),
    ("roberta-squad2", {"answer"}),
    ("bert-base-ner", {"entities"}),
]


@pytest.mark.parametrize(("name", "tasks"), FAMILIES)
def test_by_architecture_before_anything_is_fetched(
    catalogue: Catalogue, offers: Offers, name: str, tasks: set[str]
) -> None:
    preset = catalogue.preset("starter").with_extras([name])
    [extra] = preset.extras
    assert set(offers.before_loading(preset)[extra.spec.name]) == tasks


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("distilbert", {"sentiment"}),
        ("bert_sentiment", {"sentiment"}),
        ("bart_mnli", {"zeroshot"}),
        ("bert", {"fill"}),
        ("roberta", {"fill"}),
        ("gpt2", WRITING | {"chat"}),
        ("gpt_neo", WRITING | {"chat"}),
        ("t5", {"translate", "summarize"}),
        ("bart", {"summarize"}),
        ("marian", {"translate"}),
        ("m2m100", {"translate"}),
        ("nllb", {"translate"}),
        ("minilm", {"similarity"}),
        ("bert_squad", {"answer"}),
        ("roberta_ner", {"entities"}),
    ],
)
def test_by_the_configuration_in_the_folder(checkpoints: Mapping[str, Path], name: str, tasks: set[str]) -> None:
    abilities = read_abilities(checkpoints[name])
    assert abilities is not None
    assert {task.name for task in all_tasks() if not task.takes_any_head and task.can_use(abilities)} == tasks


def test_labels_that_nobody_knows_yet_promise_nothing() -> None:
    unknown = abilities_of("BertForSequenceClassification")
    assert unknown == Abilities(HeadKind.SEQUENCE_CLASSIFIER, "BertForSequenceClassification", None)
    assert unknown is not None
    assert not [task for task in all_tasks() if not task.takes_any_head and task.can_use(unknown)]


@pytest.mark.parametrize(
    "config",
    [None, "", "[]", "{}", '{"architectures": ["Llama4ForSpeech"]}', '{"architectures": 3}', '{"id2label": 1}'],
)
def test_a_folder_that_says_nothing(tmp_path: Path, config: str | None) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    assert read_abilities(tmp_path) is None


def test_two_classes_without_names_are_no_inference(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertForSequenceClassification"]}))
    found = read_abilities(tmp_path)
    assert found is not None
    assert found.infers is False


def test_only_for_the_tasks_that_the_operator_names(catalogue: Catalogue, offers: Offers) -> None:
    preset = catalogue.preset("course").with_extras(["generate + complete = gpt2", "fill=owner/unknown", "owner/other"])
    found = offers.before_loading(preset)
    assert found["gpt2"] == ("generate", "complete")
    assert found["unknown"] == ("fill",)
    # Nothing is known of it, and it would never be known if nobody could choose it.
    assert set(found["other"]) == set(preset.checkpoints)


def test_a_checkpoint_of_the_preset_is_offered_for_all_that_it_can_do(catalogue: Catalogue, offers: Offers) -> None:
    course = catalogue.preset("course")
    assert set(offers.before_loading(course)["SmolLM2-360M-Instruct"]) == WRITING | {"chat"}
    named = course.with_extras(["fill=smollm2-360m-instruct"])
    assert len(named.specs) == len(course.specs)
    assert offers.before_loading(named)["SmolLM2-360M-Instruct"] == ("chat", "fill")


class TestNames:
    def test_are_those_of_the_catalogue(self, catalogue: Catalogue) -> None:
        preset = catalogue.preset("course").with_extras(["gpt2", "FacebookAI/roberta-base", "t5-small@refs/pr/1"[:8]])
        assert [one.spec.name for one in preset.extras] == ["gpt2", "roberta-base", "t5-small"]

    def test_are_different(self, catalogue: Catalogue, tmp_path: Path) -> None:
        folder, chat = tmp_path / "gpt2", tmp_path / "chat"
        folder.mkdir()
        chat.mkdir()
        values = ["gpt2", str(folder), "other/gpt2@1234567890abcdef", "third/gpt2", "fourth/gpt2", str(chat)]
        preset = catalogue.preset("starter").with_extras(values)
        assert [one.spec.name for one in preset.extras] == [
            "gpt2",
            "gpt2 (folder)",
            "gpt2 (revision 1234567890ab)",
            "gpt2 (hub)",
            "gpt2 (2)",
            "chat (folder)",  # a name of a task means the checkpoint of the task
        ]

    def test_that_two_commands_share(self, catalogue: Catalogue) -> None:
        preset = catalogue.preset("course").with_overrides({"fill": "a/model", "answer": "b/model"}).with_extras([])
        assert (preset.checkpoints["fill"].name, preset.checkpoints["answer"].name) == ("model", "model (hub)")
        assert preset.checkpoints["answer"].source == HubSource("b/model")

    def test_fit_a_choice_of_discord(self, catalogue: Catalogue) -> None:
        preset = catalogue.preset("starter").with_extras([f"owner/{'x' * 96}", f"other/{'x' * 96}"])
        assert all(len(one.spec.name) <= LONGEST_NAME + 10 for one in preset.extras)
        assert len({one.spec.name for one in preset.extras}) == 2


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("gpt-2", "“gpt-2” is no checkpoint for EXTRA_CHECKPOINTS. Give a hub id"),
        ("juggle=gpt2", "EXTRA_CHECKPOINTS names the task “juggle”, which does not exist. The tasks are sentiment"),
        ("fill+juggle=gpt2", "“juggle”"),
        ("fill=", "The checkpoint for EXTRA_CHECKPOINTS is empty."),
        ("./nowhere", "The folder for EXTRA_CHECKPOINTS, “./nowhere”, does not exist."),
        ("FILL=gpt2", "is no checkpoint"),
    ],
)
def test_what_is_no_checkpoint_is_refused_in_one_sentence(catalogue: Catalogue, value: str, says: str) -> None:
    with pytest.raises(SettingsError) as raised:
        catalogue.preset("course").with_extras([value])
    assert says in raised.value.sentence


def test_a_folder_may_have_an_equals_sign(catalogue: Catalogue, tmp_path: Path) -> None:
    (folder := tmp_path / "a=b").mkdir()
    [extra] = catalogue.preset("course").with_extras([f"fill={folder}"]).extras
    assert (extra.spec.name, extra.tasks) == ("a=b", ("fill",))


def test_a_refusal_names_what_there_is() -> None:
    assert not_offered("x`@everyone", "fill", ["a", "b"]).sentence == (
        "No checkpoint called “xeveryone” can be chosen for /fill here. There are a and b."
    )
    assert not_offered("x", "fill", ["a"]).sentence.endswith("There is only a.")
    assert not_offered("", "fill", []).sentence == "No checkpoint can be chosen for /fill here."
    assert "and 3 more" in not_offered("x", "fill", [f"m{index}" for index in range(MOST_NAMED + 3)]).sentence


def test_a_preset_travels_with_its_extras(catalogue: Catalogue) -> None:
    preset: Preset = catalogue.preset("starter").with_extras(["gpt2"])
    assert preset.with_overrides({"fill": "distilroberta"}).extras == preset.extras
