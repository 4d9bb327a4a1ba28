"""Which shards the settings give to a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.errors import SettingsError
from bot.settings import Settings, read_settings
from bot.sharding.shards import Shards, chosen_shards


def shards(host_name: str = "laptop", **chosen: Any) -> Shards:
    return chosen_shards(Settings(_env_file=None, **chosen), host_name)


class TestIds:
    def test_without_settings_discord_recommends_and_the_process_serves_all(self) -> None:
        assert shards() == Shards(None, None)
        assert not shards().are_some

    def test_a_count_alone_is_served_by_one_process(self) -> None:
        assert shards(shard_count=4) == Shards(4, None)

    def test_numbers_and_ranges(self) -> None:
        chosen = shards(shard_count=16, shard_ids="8, 0-3")
        assert chosen == Shards(16, (0, 1, 2, 3, 8))
        assert chosen.are_some

    def test_all_of_them_are_not_some(self) -> None:
        assert not shards(shard_count=2, shard_ids="0-1").are_some

    @pytest.mark.parametrize("written", ["a", "1-", "3-1", "0,0", "0-3,2", "-1", "1.5", "0;1", ","])
    def test_a_list_that_is_none(self, written: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("SHARD_IDS", written)
        with pytest.raises(SettingsError, match="SHARD_IDS must be numbers and ranges such as 0-3,8"):
            read_settings(None)


class TestParts:
    @pytest.mark.parametrize(("count", "processes"), [(1, 1), (8, 3), (64, 7), (5, 5)])
    def test_every_shard_is_served_by_exactly_one_process(self, count: int, processes: int) -> None:
        parts = [shards(shard_count=count, processes=processes, process_index=index).ids for index in range(processes)]
        assert [one for part in parts for one in part or ()] == list(range(count))
        sizes = {len(part or ()) for part in parts}
        assert max(sizes) - min(sizes) <= 1

    @pytest.mark.parametrize("host", ["glassbox-1", "glassbox-1.glassbox.default.svc", "bot1"])
    def test_the_number_at_the_end_of_the_hosts_name(self, host: str) -> None:
        assert shards(host, shard_count=4, processes=2).ids == (2, 3)

    def test_the_setting_goes_before_the_name(self) -> None:
        assert shards("glassbox-1", shard_count=4, processes=2, process_index=0).ids == (0, 1)


@pytest.mark.parametrize(
    ("chosen", "host", "sentence"),
    [
        ({"shard_ids": "0"}, "laptop", "SHARD_IDS needs SHARD_COUNT"),
        ({"shard_ids": "4", "shard_count": 4}, "laptop", "SHARD_IDS names a shard that does not exist"),
        ({"shard_ids": "0", "shard_count": 4, "processes": 2}, "laptop", "SHARD_IDS and PROCESSES both say"),
        ({"processes": 2}, "glassbox-0", "PROCESSES needs SHARD_COUNT"),
        ({"processes": 8, "shard_count": 4}, "glassbox-0", "SHARD_COUNT is less than PROCESSES"),
        ({"processes": 2, "shard_count": 4}, "laptop", "PROCESSES needs PROCESS_INDEX"),
        ({"processes": 2, "shard_count": 4}, "glassbox-2", "must be less than PROCESSES"),
        ({"processes": 2, "shard_count": 4, "process_index": 2}, "laptop", "must be less than PROCESSES"),
        ({"process_index": 0}, "laptop", "PROCESS_INDEX needs PROCESSES"),
    ],
)
def test_settings_that_contradict_each_other_end_with_a_sentence(
    chosen: dict[str, Any], host: str, sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        shards(host, **chosen)
