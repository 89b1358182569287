"""What people read."""

import pytest

from outbound_sms.cli.output import STATUS_NAMES, span
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
