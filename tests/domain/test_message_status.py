from itertools import product

import pytest

from outbound_sms.domain.message_status import (
    STATUS_RULES,
    TERMINAL,
    MessageStatus,
    may_change,
    rank,
)

RANKED = [status for status in MessageStatus if rank(status) is not None]


def test_every_status_has_a_rule() -> None:
    assert set(STATUS_RULES) == set(MessageStatus)
    assert [rank(status) for status in MessageStatus] == [0, 1, 2, 3, 3, None]


@pytest.mark.parametrize(("old", "new"), list(product(RANKED, RANKED)))
def test_a_ranked_status_only_ever_goes_up(old: MessageStatus, new: MessageStatus) -> None:
    before, after = rank(old), rank(new)
    assert before is not None and after is not None
    assert may_change(old, new) == (after > before)


def test_only_what_no_carrier_has_yet_can_be_parked() -> None:
    parked = MessageStatus.INSUFFICIENT_FUNDS
    assert {status for status in MessageStatus if may_change(status, parked)} == {
        MessageStatus.PENDING,
        MessageStatus.IN_PROGRESS,
    }


def test_a_parked_message_can_only_be_requeued() -> None:
    parked = MessageStatus.INSUFFICIENT_FUNDS
    assert STATUS_RULES[parked].may_become == {MessageStatus.PENDING}


def test_delivered_and_failed_are_final() -> None:
    assert {MessageStatus.DELIVERED, MessageStatus.FAILED} == TERMINAL


def test_labels_are_the_public_words() -> None:
    assert [status.label for status in MessageStatus] == [
        "Pending",
        "In progress",
        "Sent",
        "Delivered",
        "Failed",
        "Insufficient funds",
    ]
