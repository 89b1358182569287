"""The life of a message: six public statuses, and the only table of how they follow each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class MessageStatus(IntEnum):
    """Where a message is. The number is what is stored and what the contract carries.

    PENDING: waiting to be sent, also while quiet hours hold it.
    IN_PROGRESS: taken up and paid for in advance; stays so while it is repeated or in doubt.
    SENT: the carrier accepted it. Many carriers never tell more.
    DELIVERED: the carrier reports that the handset has it.
    FAILED: it was or will be delivered to nobody; the reject reason says why.
    INSUFFICIENT_FUNDS: parked unsent for want of money, until somebody requeues it. The only one
    that can be taken back: RequeueMessages makes it PENDING again, and nothing else does.
    """

    PENDING = 1
    IN_PROGRESS = 2
    SENT = 3
    DELIVERED = 4
    FAILED = 5
    INSUFFICIENT_FUNDS = 6

    @property
    def label(self) -> str:
        """The status as people read it, for example `In progress`."""
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class StatusRule:
    """`rank` only ever grows, None stands outside the ranks; `may_become` are the next statuses."""

    rank: int | None
    may_become: frozenset[MessageStatus]


# A rank may be skipped: a delivery receipt can overtake the answer to the submit.
STATUS_RULES: Mapping[MessageStatus, StatusRule] = {
    MessageStatus.PENDING: StatusRule(
        0,
        frozenset(
            {
                MessageStatus.IN_PROGRESS,
                MessageStatus.SENT,
                MessageStatus.DELIVERED,
                MessageStatus.FAILED,
                MessageStatus.INSUFFICIENT_FUNDS,
            }
        ),
    ),
    MessageStatus.IN_PROGRESS: StatusRule(
        1,
        frozenset(
            {
                MessageStatus.SENT,
                MessageStatus.DELIVERED,
                MessageStatus.FAILED,
                MessageStatus.INSUFFICIENT_FUNDS,
            }
        ),
    ),
    MessageStatus.SENT: StatusRule(2, frozenset({MessageStatus.DELIVERED, MessageStatus.FAILED})),
    MessageStatus.DELIVERED: StatusRule(3, frozenset()),
    MessageStatus.FAILED: StatusRule(3, frozenset()),
    MessageStatus.INSUFFICIENT_FUNDS: StatusRule(None, frozenset({MessageStatus.PENDING})),
}

TERMINAL = frozenset(status for status, rule in STATUS_RULES.items() if not rule.may_become)


def rank(status: MessageStatus) -> int | None:
    """0 pending, 1 in progress, 2 sent, 3 delivered or failed; None for a parked message."""
    return STATUS_RULES[status].rank


def may_change(old: MessageStatus, new: MessageStatus) -> bool:
    """Whether a message may go from one status to the other; never to the one it has already."""
    return new in STATUS_RULES[old].may_become
