"""Movements of prepaid money, and what a month of them sums up to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from uuid import UUID

from outbound_sms.domain.month import Month

LONGEST_NOTE = 200
MAX_ADJUSTMENT_MICROS = 1_000_000_000_000


class LedgerEntryKind(IntEnum):
    """What moved money; stored as these numbers. The migration says from where to where."""

    TOP_UP = 1
    HOLD = 2
    CAPTURE = 3
    RELEASE = 4
    REFUND = 5
    ADJUSTMENT = 6


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a balance is made of, or a change of it, in micros of the instance's currency."""

    available_micros: int = 0
    held_micros: int = 0
    spent_micros: int = 0

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self.available_micros + other.available_micros,
            self.held_micros + other.held_micros,
            self.spent_micros + other.spent_micros,
        )

    def __neg__(self) -> "Amounts":
        return Amounts(-self.available_micros, -self.held_micros, -self.spent_micros)

    def __sub__(self, other: "Amounts") -> "Amounts":
        return self + -other


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One movement. `amount_micros` is negative only in an adjustment that takes money;
    `moved` is what it changed. `note` is the operator's, "" but for adjustments."""

    id: int
    entry_time: datetime
    kind: LedgerEntryKind
    amount_micros: int
    message_id: UUID | None
    top_up_id: UUID | None
    moved: Amounts
    note: str


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What the entries of a kind moved on a day. `billable_segments` are those of their texts."""

    day: date
    kind: LedgerEntryKind
    entries: int
    billable_segments: int
    moved: Amounts


@dataclass(frozen=True, slots=True)
class Statement:
    """A month, in the instance's time zone: what there was, what moved, what is left."""

    month: Month
    time_zone: str
    currency: str
    opening: Amounts
    lines: Sequence[StatementLine]
    closing: Amounts


def sum_up(lines: Iterable[StatementLine]) -> Amounts:
    """What all lines moved together."""
    return sum((line.moved for line in lines), Amounts())
