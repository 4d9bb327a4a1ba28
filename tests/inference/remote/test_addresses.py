"""INFERENCE_URL and INFERENCE_KEY, as people write them."""

from __future__ import annotations

import pytest
from yarl import URL

from bot.errors import SettingsError
from bot.inference.remote.addresses import addresses_of
from bot.inference.remote.startup import checked_key


@pytest.mark.parametrize(
    ("setting", "addresses"),
    [
        ("http://gpu-1:8000", ["http://gpu-1:8000/"]),
        ("https://models.example/glassbox/", ["https://models.example/glassbox"]),
        (" http://a:1 , http://b:2, ", ["http://a:1/", "http://b:2/"]),
        ("http://a:1,http://a:1/", ["http://a:1/"]),
        ("http://[::1]:8000", ["http://[::1]:8000/"]),
    ],
)
def test_addresses(setting: str, addresses: list[str]) -> None:
    assert addresses_of(setting) == tuple(map(URL, addresses))


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        (",", "is empty"),
        ("gpu-1:8000", "must begin with http"),
        ("gpu-1", "must begin with http"),
        ("ftp://gpu-1", "must begin with http"),
        ("http://", "must begin with http"),
        ("http://gpu-1:port", "must begin with http"),
        ("http://gpu-1:99999", "must begin with http"),
        ("http://a,secret", "Address 2 in INFERENCE_URL must begin"),
        ("http://me:secret@gpu-1", "INFERENCE_KEY"),
        ("http://secret@gpu-1", "INFERENCE_KEY"),
        ("http://gpu-1?key=secret", "must not contain ?"),
        ("http://gpu-1#secret", "must not contain ?"),
    ],
)
def test_what_is_no_address(setting: str, part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        addresses_of(setting)
    assert part in caught.value.sentence
    assert "INFERENCE_URL" in caught.value.sentence
    assert "secret" not in caught.value.sentence


def test_keys() -> None:
    assert [checked_key(key) for key in (None, "", " ", " k3y\n")] == [None, None, None, "k3y"]
    for wrong in ("schlüssel", "two\nlines"):
        with pytest.raises(SettingsError, match="INFERENCE_KEY") as caught:
            checked_key(wrong)
        assert wrong not in caught.value.sentence
