"""How fast something goes, and whether that is known at all."""

import pytest

from outbound_sms.dispatch.pace import SPAN, Pace


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the clock shows."""
    shown = [100.0]
    monkeypatch.setattr("outbound_sms.dispatch.pace.time.monotonic", lambda: shown[0])
    return shown


def test_the_pace_is_that_of_the_last_span(now: list[float]) -> None:
    pace = Pace()
    for _ in range(50):
        pace.count()
    assert (pace.per_second(), pace.known) == (0.0, False)
    now[0] += SPAN
    assert (pace.per_second(), pace.known) == (100.0, True)


def test_a_pause_does_not_make_it_unknown_again(now: list[float]) -> None:
    pace = Pace()
    now[0] += SPAN
    assert (pace.per_second(), pace.known) == (0.0, False)
    pace.count()
    now[0] += SPAN
    assert pace.per_second() > 0
    now[0] += SPAN
    assert (pace.per_second(), pace.known) == (0.0, True)
