"""Whether the ledger holds what it promises: the invariants I1 to I6, on a live database.

I1 a balance is the sum of its entries, I2 held is the sum of the open holds, I3 a text that was
sent is charged once, I4 one that was not sent is not charged, I5 no money comes from nowhere, I6
nothing is both captured and released. `queries/ledger_check.sql` says each in full.
"""

from dataclasses import dataclass
from uuid import UUID

from outbound_sms.store.pool import Connection
from outbound_sms.store.sql import load

_SQL = load("ledger_check")

LONGEST = 600.0
"""Seconds that one invariant may take; a hundred times what a million texts take."""

_INVARIANTS = {
    "I1": _SQL["balance_is_sum_of_entries"],
    "I2": _SQL["held_is_sum_of_open_holds"],
    "I3": _SQL["sent_is_charged_once"],
    "I4": _SQL["unsent_is_not_charged"],
    "I5": _SQL["money_is_conserved"],
    "I6": _SQL["never_captured_and_released"],
}
INVARIANTS = tuple(_INVARIANTS)
"""Their names, I1 to I6."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What breaks an invariant: an instance, a text or a top-up, by its id; amounts in micros."""

    invariant: str
    instance_id: UUID
    subject_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """What was checked, and up to `most_rows` violations of each invariant, in their order."""

    instances: int
    entries: int
    texts: int
    violations: list[Violation]


async def check_ledger(
    connection: Connection, instance_id: UUID | None = None, most_rows: int = 20
) -> list[Violation]:
    """Up to `most_rows` violations of each invariant, of one instance or of all.

    Sees one snapshot, so that what is going on meanwhile raises no false alarm. Changes nothing.
    The connection must be in no transaction, and see every instance.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await _prepare(connection)
        return await _violations(connection, instance_id, most_rows)


async def examine_ledger(
    connection: Connection, instance_id: UUID | None = None, most_rows: int = 20
) -> LedgerCheck:
    """As `check_ledger`, with what was checked, of the same snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await _prepare(connection)
        counted = await connection.fetchrow(_SQL["count_checked"], instance_id, timeout=LONGEST)
        assert counted is not None
        return LedgerCheck(
            **counted, violations=await _violations(connection, instance_id, most_rows)
        )


async def check_ledger_in_turn(connection: Connection) -> list[Violation] | None:
    """As `check_ledger` of all instances; None, at once, while another process is at it."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if not await connection.fetchval(_SQL["try_turn"]):
            return None
        await _prepare(connection)
        return await _violations(connection, None, 20)


async def _prepare(connection: Connection) -> None:
    await connection.execute(_SQL["prepare"], str(round(1000 * LONGEST)))


async def _violations(
    connection: Connection, instance_id: UUID | None, most_rows: int
) -> list[Violation]:
    return [
        Violation(
            invariant,
            row["instance_id"],
            row["subject_id"],
            f"found {row['found']}; expected {row['expected']}",
        )
        for invariant, statement in _INVARIANTS.items()
        for row in await connection.fetch(statement, instance_id, most_rows, timeout=LONGEST)
    ]
