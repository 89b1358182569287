"""What people read."""

import pytest

from outbound_sms.cli import output
from outbound_sms.cli.output import STATUS_NAMES, print_whole, span
from outboundsms.v1 import delivery_pb2


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "less than 1 s"), (11, "11 s"), (61, "1 min 1 s"), (4800, "1 h 20 min")],
)
def test_spans_show_the_two_largest_units(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_every_status_has_its_name() -> None:
    values = set(delivery_pb2.MessageStatus.values()) - {delivery_pb2.MESSAGE_STATUS_UNSPECIFIED}
    assert set(STATUS_NAMES) == values


def test_a_secret_is_never_cut_off_or_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output.console, "_width", 40)
    secret = "sms_live_" + "x[b]" * 25
    print_whole([("API key", "1"), ("Secret, shown once", secret)])
    assert capsys.readouterr().out == (f"API key             1\nSecret, shown once  {secret}\n")
