from __future__ import annotations

import pytest

from bot.tasks.work import attribution as attribute


@pytest.fixture
def time_for_tiny_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """More may be read: tiny tokenizers make several tokens of each label, so a text is read again for many of them."""
    monkeypatch.setattr(attribute, "MOST_READ", 8 * attribute.MOST_READ)
    monkeypatch.setattr(attribute, "LONGEST", 8 * attribute.LONGEST)
