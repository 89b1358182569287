"""Checks the ledger of a test's database when the test is over."""

import asyncpg
import pytest

from outbound_sms.store.ledger_check import check_ledger
from outbound_sms.store.pool import Connection, Pool

PATIENCE = 5.0

# False: there are adjustments at most, and each balance is their sum. Then every invariant holds,
# and most tests are spared the planning of six statements, which takes longer than their work here.
_WORTH_A_CHECK = """
SELECT EXISTS (SELECT FROM ledger_entry WHERE kind <> 6) OR EXISTS (SELECT FROM dispatch)
    OR EXISTS (SELECT FROM message WHERE status IN (3, 4)) OR EXISTS (SELECT FROM unfunded)
    OR EXISTS (SELECT FROM top_up)
    OR EXISTS (SELECT FROM instance i LEFT JOIN balance b ON b.instance_id = i.id
                WHERE (b.available_micros, b.held_micros, b.spent_micros) IS DISTINCT FROM (
                        (SELECT coalesce(sum(e.amount_micros), 0) FROM ledger_entry e
                          WHERE e.instance_id = i.id), 0, 0))
"""


class LedgerGuard:
    """Fails a test that leaves a ledger which breaks an invariant, unless it is meant to.

    The check is made once, on a connection that is there already if there is one: a new one costs
    more than the check. A database that has gone away fails the test too; mark it `broken_ledger`.
    """

    def __init__(self, meant_to_break: bool) -> None:
        self._checked = meant_to_break

    @classmethod
    def of(cls, test: pytest.Item) -> "LedgerGuard":
        """For a database of the test, by its mark."""
        return cls(test.get_closest_marker("broken_ledger") is not None)

    async def check_over(self, pool: Pool) -> None:
        """Checks on a connection of the test's pool; one that the test has closed is left alone."""
        if self._checked or pool.is_closing():
            return
        try:
            connection = await pool.acquire(timeout=PATIENCE)
        except TimeoutError:
            # The test kept all of them; `check_at` opens one more.
            return
        await self._check(connection)

    async def check_at(self, url: str) -> None:
        """Checks on a connection of its own, unless that was done."""
        if self._checked:
            return
        connection = await asyncpg.connect(url, timeout=PATIENCE)
        try:
            await self._check(connection)
        finally:
            await connection.close()

    async def _check(self, connection: Connection) -> None:
        self._checked = True
        if not await connection.fetchval(_WORTH_A_CHECK):
            return
        violations = await check_ledger(connection)
        if violations:
            listed = "\n".join(
                f"{each.invariant} {each.subject_id}: {each.text}" for each in violations
            )
            pytest.fail(f"the test leaves a ledger that breaks its invariants:\n{listed}")
