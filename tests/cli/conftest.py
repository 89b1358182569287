"""Fixtures for commands that run in the process of the tests."""

import time
from collections.abc import Iterator

import pytest

from outbound_sms.cli.output import console


@pytest.fixture
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A wide terminal whose clock shows UTC: the console of the commands was made at import."""
    with monkeypatch.context() as patch:
        patch.setattr(console, "_width", 240)
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()
