"""Which tasks share a deployment, what crosses between processes, and how reports merge."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

import bot.errors
from bot.errors import (
    GlassboxError,
    HubUnreachable,
    InvalidRequest,
    ModelUnavailable,
    QueueFull,
    SettingsError,
    StillLoading,
)
from bot.inference.checkpoints.catalogue import Catalogue, Preset
from bot.inference.checkpoints.offers import Offers
from bot.inference.limits import Limits
from bot.inference.requests import Request
from bot.inference.serving.groups import GroupArguments, Grouping, Scaling, grouped
from bot.inference.serving.merging import merged
from bot.inference.serving.messages import Failed
from bot.inference.serving.ray_backend import Deployment, RayBackend
from bot.inference.status import CheckpointStatus, DeviceStatus, Phase, WorkerStatus
from bot.serving import OpenGroupWorker, _of_a_worker
from bot.settings import Settings
from bot.tasks import all_tasks, task_names
from bot.tasks.fill import FillRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.tokenize import TokenizeRequest
from bot.tasks.work.request import WorkRequest


@pytest.fixture(scope="module")
def preset() -> Preset:
    return Catalogue.read().preset("course")


def test_tasks_with_one_checkpoint_share_a_deployment(preset: Preset) -> None:
    groups = grouped(preset, Scaling(), ())
    assert sorted(task for group in groups for task in group.checkpoints) == sorted(preset.checkpoints)
    for group in groups:
        assert len({spec.key for spec in group.checkpoints.values()}) == 1
    assert len({group.name for group in groups}) == len({spec.key for spec in preset.checkpoints.values()})


def test_all_tasks_can_share_one_deployment(preset: Preset) -> None:
    [group] = grouped(preset, Scaling(), (), Grouping.TOGETHER)
    assert dict(group.checkpoints) == dict(preset.checkpoints)
    assert group.preset(preset) == preset


def test_a_chosen_group_scales_on_its_own_and_the_rest_by_default(preset: Preset) -> None:
    chosen = GroupArguments(tasks=("sentiment", "fill"), max_replicas=7)
    first, *others = grouped(preset, Scaling(max_replicas=3), (chosen,))
    assert set(first.checkpoints) == {"sentiment", "fill"}
    assert first.scaling.max_replicas == 7
    assert {group.scaling.max_replicas for group in others} == {3}
    assert not {"sentiment", "fill"} & {task for group in others for task in group.checkpoints}


def test_a_task_in_two_groups_or_in_none_of_the_preset_is_refused(preset: Preset) -> None:
    with pytest.raises(SettingsError, match="“fill” is in two groups"):
        grouped(preset, Scaling(), (GroupArguments(tasks=("fill",)), GroupArguments(tasks=("fill",))))
    with pytest.raises(SettingsError, match="“dance” does not exist"):
        grouped(preset, Scaling(), (GroupArguments(tasks=("dance",)),))


def ray_backend(preset: Preset) -> RayBackend:
    """The backend of the ingress, of whose deployments no replica has been heard."""
    handle: Any = None
    groups = grouped(preset, Scaling(), (), offers=Offers(all_tasks()))
    quotas: Any = None
    return RayBackend(task_names(), [Deployment(group, handle) for group in groups], quotas, Limits())


def test_a_task_without_checkpoint_is_refused(preset: Preset) -> None:
    backend = ray_backend(replace(preset, checkpoints={"fill": preset.checkpoints["fill"]}))
    with pytest.raises(ModelUnavailable, match="/sentiment"):
        backend.submit(SentimentRequest("Great"), person=1)
    with pytest.raises(ModelUnavailable, match="/dance"):
        backend.languages("dance")


@pytest.mark.parametrize(
    ("fields", "devices"),
    [
        ({}, None),
        ({"num_gpus": 0.25}, "cuda:0"),
        ({"num_gpus": 1}, "cuda:0"),
        ({"num_gpus": 2}, "cuda:0,cuda:1"),
        ({"num_gpus": 1, "devices": "cpu"}, "cpu"),
    ],
)
def test_the_devices_follow_from_the_share_of_gpus(fields: Any, devices: str | None) -> None:
    assert Scaling(**fields).device_names == devices


@pytest.mark.parametrize("fields", [{"num_gpus": 1.5}, {"min_replicas": 5, "max_replicas": 4}, {"replicas": 1}])
def test_scaling_that_cannot_be_is_refused(fields: Any) -> None:
    with pytest.raises(ValidationError):
        Scaling(**fields)


def _errors() -> list[GlassboxError]:
    made: list[GlassboxError] = [
        QueueFull(7.0),
        StillLoading("x", 30.0),
        HubUnreachable(["a", "b"]),
        bot.errors.TooManyRequests(3),
        bot.errors.QuotaUsedUp("20 answers an hour", 1e9),
        bot.errors.DeadlinePassed(9.0),
    ]
    plain = {one for one in vars(bot.errors).values() if isinstance(one, type) and issubclass(one, GlassboxError)}
    return [*made, *(one("A sentence.") for one in sorted(plain - {type(one) for one in made}, key=str))]


@pytest.mark.parametrize("error", _errors(), ids=lambda error: type(error).__name__)
def test_every_error_crosses_processes(error: GlassboxError) -> None:
    crossed = pickle.loads(pickle.dumps(Failed.of(error))).error()
    assert type(crossed) is type(error)
    assert vars(crossed) == vars(error)
    assert str(crossed) == error.sentence


def test_no_secret_travels_with_a_worker(preset: Preset, tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        discord_token=SecretStr("s3cret"),
        inference_key=SecretStr("s3cret"),
        fill_checkpoint="owner/name",
        queue_size=7,
        hang_seconds=9,
        cache_dir=tmp_path,
    )
    [group] = grouped(preset, Scaling(), (), Grouping.TOGETHER)
    opener = OpenGroupWorker(_of_a_worker(settings), group.preset(preset), group.scaling)
    assert b"s3cret" not in pickle.dumps(opener)
    assert opener.settings.hang_seconds == 9
    assert opener.settings.fill_checkpoint == "owner/name"
    assert opener.settings.cache_dir == tmp_path


def _status(phase: Phase, idle: float | None, requests: int = 1) -> WorkerStatus:
    device = DeviceStatus("cuda:0", "bfloat16", 1, 2, 3, 4, 5.0, 6, 7)
    one = CheckpointStatus("tiny", ("fill",), phase, 10, ("bfloat16",), "", requests, idle, None, 1)
    return WorkerStatus(requests, 2, (device,), (one,), 1)


def test_reports_add_up_and_the_furthest_replica_says_the_phase(preset: Preset) -> None:
    [group] = grouped(preset, Scaling(), (), Grouping.TOGETHER)
    whole = merged([(group, [_status(Phase.LOADING, None), _status(Phase.READY, 3.0)])], waiting=5, accepting=False)
    assert (whole.requests, whole.rows_waiting, whole.evictions, whole.accepting) == (7, 4, 2, False)
    assert len(whole.devices) == 2
    [checkpoint] = whole.checkpoints
    assert checkpoint.phase is Phase.READY
    assert (checkpoint.bytes, checkpoint.requests, checkpoint.nonfinite) == (20, 2, 2)
    assert checkpoint.idle_seconds == 3.0
    assert checkpoint.precision == ("bfloat16", "bfloat16")


def test_a_deployment_without_replicas_shows_its_checkpoints(preset: Preset) -> None:
    whole = merged([(group, []) for group in grouped(preset, Scaling(), ())], waiting=0, accepting=True)
    assert set(whole.models) == set(preset.checkpoints)
    assert {one.phase for one in whole.checkpoints} == {Phase.WAITING}


class TestExtras:
    """Checkpoints that people can choose."""

    def test_each_has_a_deployment_or_that_of_its_task(self, preset: Preset) -> None:
        whole = preset.with_extras(["gpt2", "fill=bert-base-uncased"])
        [*own, gpt2, bert] = grouped(whole, Scaling(), (), offers=Offers(all_tasks()))
        assert [one.name for one in own] == [one.name for one in grouped(preset, Scaling(), ())]
        assert (gpt2.name, gpt2.checkpoints, bert.name) == ("gpt2", {}, "bert-base-uncased")
        assert [spec.name for spec in gpt2.preset(whole).specs] == ["gpt2"]
        assert "generate" in gpt2.offered["gpt2"]
        assert bert.offered == {"bert-base-uncased": ("fill",)}
        [all_of_them] = grouped(whole, Scaling(), (), Grouping.TOGETHER)
        assert {"gpt2", "bert-base-uncased"} <= {spec.name for spec in all_of_them.specs}

    def test_are_offered_before_a_replica_has_looked_at_them(self, preset: Preset) -> None:
        whole = preset.with_extras(["gpt2", "owner/unknown"])
        groups = grouped(whole, Scaling(), (), offers=Offers(all_tasks()))
        known = {one.name: one for one in merged([(one, []) for one in groups], waiting=0, accepting=True).checkpoints}
        assert (known["gpt2"].tasks, known["gpt2"].phase) == ((), Phase.WAITING)
        assert set(known["unknown"].offered) == set(preset.checkpoints)

        [group] = [one for one in groups if one.name == "unknown"]
        fetching = replace(_status(Phase.FETCHING, None).checkpoints[0], name="unknown", tasks=())
        ready = replace(fetching, phase=Phase.READY, offered=("fill",))
        for replicas, offered in (([fetching], set(preset.checkpoints)), ([fetching, ready], {"fill"})):
            statuses = [replace(_status(Phase.READY, None), checkpoints=(one,)) for one in replicas]
            [found] = merged([(group, statuses)], waiting=0, accepting=True).checkpoints
            assert set(found.offered) == offered

    def test_travel(self, preset: Preset) -> None:
        whole = preset.with_extras(["gpt2"])
        for group in grouped(whole, Scaling(), (), offers=Offers(all_tasks())):
            assert pickle.loads(pickle.dumps(group)).offered == group.offered
            assert pickle.loads(pickle.dumps(group.preset(whole))).specs == group.preset(whole).specs

    def test_a_request_goes_where_its_checkpoint_is(self, preset: Preset) -> None:
        backend = ray_backend(preset.with_extras(["bert-base-uncased", "t5-small"]))

        def deployment(request: Request[Any]) -> str:
            return backend._chosen(request)[0].group.name

        fill = FillRequest("a ___")
        assert deployment(fill) == "distilroberta-base"
        assert deployment(replace(fill, checkpoint="bert-base-uncased")) == "bert-base-uncased"
        assert deployment(WorkRequest.of(replace(fill, checkpoint="bert-base-uncased"))) == "bert-base-uncased"
        assert deployment(TokenizeRequest(("a",), checkpoint="t5-small")) == "t5-small"
        assert deployment(TokenizeRequest(("a",), task="fill")) == "distilroberta-base"
        assert backend.languages("t5-small") is None
        assert backend.languages("flan-t5-base") == backend.languages("translate") is not None
        with pytest.raises(InvalidRequest, match=r"for /fill here\. There are distilroberta-base"):
            backend.submit(replace(fill, checkpoint="t5-small"), person=1)
