"""What the demonstration takes for the proof that a STOP was kept."""

import pytest

from outbound_sms.carriers.sandbox.recipients import is_ordinary
from outbound_sms.cli.demo.correspondence import check_stopped
from outbound_sms.cli.demo.step import DemoFailed
from outboundsms.v1 import delivery_pb2 as pb

REACHED, WAITING = "+12125550101", "+14165550123"


def text(
    number: str, kind: pb.MessageKind.ValueType, status: pb.MessageStatus.ValueType
) -> pb.Message:
    """A message; one that failed did so because of the STOP."""
    made = pb.Message(phone_number=number, kind=kind, status=status)
    if status == pb.MESSAGE_STATUS_FAILED:
        made.reject_reason.group, made.reject_reason.code = "POLICY", "OPTED_OUT"
    return made


def as_it_should_be() -> list[pb.Message]:
    mass, reply = pb.MESSAGE_KIND_MASS, pb.MESSAGE_KIND_KEYWORD_REPLY
    return [
        text(REACHED, mass, pb.MESSAGE_STATUS_DELIVERED),
        text(REACHED, reply, pb.MESSAGE_STATUS_DELIVERED),
        text(WAITING, mass, pb.MESSAGE_STATUS_FAILED),
        text(WAITING, reply, pb.MESSAGE_STATUS_DELIVERED),
    ]


def test_a_confirmation_for_each_and_nothing_else_is_right() -> None:
    check_stopped(as_it_should_be(), reached=REACHED, waiting=WAITING)


@pytest.mark.parametrize("place", range(4))
def test_a_text_too_many_too_few_or_delivered_all_the_same_is_not(place: int) -> None:
    right = as_it_should_be()
    several = [
        [*right, right[place]],
        right[:place] + right[place + 1 :],
        [*right[:2], text(WAITING, pb.MESSAGE_KIND_MASS, pb.MESSAGE_STATUS_DELIVERED), right[3]],
    ]
    for wrong in several:
        with pytest.raises(DemoFailed):
            check_stopped(wrong, reached=REACHED, waiting=WAITING)


@pytest.mark.parametrize("number", [REACHED, WAITING, "+12125550189"])
def test_most_numbers_of_the_sandbox_take_every_text(number: str) -> None:
    assert is_ordinary(number)


@pytest.mark.parametrize("last", range(90, 100))
def test_ten_numbers_of_the_sandbox_do_not(last: int) -> None:
    assert not is_ordinary(f"+121255501{last}")
