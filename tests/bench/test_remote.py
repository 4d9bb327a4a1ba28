"""The benchmark of the way over the network, with tiny checkpoints."""

from __future__ import annotations

import json

import pytest

from bot.settings import Settings
from tests.bench import remote


@pytest.mark.remote
@pytest.mark.may_block
async def test_the_worker_here_and_the_server_there_side_by_side(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "STARTS", 1)
    await remote.measure(settings, ("sentiment",), (1, 4), rounds=1, requests=1, shapes=False, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [one["users"] for one in told["compared"]] == [1, 4]
    for one in told["compared"]:
        assert one["failures"] == 0
        assert one["local_rate"] > 0
        assert one["share"] > 0
    assert told["bot_process"]["seconds"] > 0
    assert told["bot_process"]["megabytes"] > 10
