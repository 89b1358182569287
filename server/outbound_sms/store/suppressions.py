"""Numbers that may not be texted: by nobody, or not by one instance."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.store.pool import Database
from outbound_sms.store.sql import load

_SQL = load("suppressions")

CARRIER = 8
"""The consent source of a suppression that a carrier told us of."""


@dataclass(frozen=True, slots=True)
class Suppressed:
    """How many numbers were not suppressed before, and how many opt-ins have been cleared."""

    numbers: int
    opt_ins: int


async def suppress(
    db: Database,
    e164: str,
    *,
    source: int,
    actor: str = "carrier",
    evidence: str = "",
    scope: UUID | None = None,
    written_to: UUID | None = None,
) -> bool:
    """Suppresses a number and clears its opt-ins. Returns whether it was not suppressed before.

    `scope`: the only instance that is stopped; None: all. `written_to`: the instance that the
    number wrote to, which has a record of it also when none of its contacts has the number.
    """
    new: bool = await db.fetchval(
        _SQL["suppress"], e164, source, actor, evidence, scope, written_to
    )
    return new


async def suppress_many(
    db: Database, numbers: Sequence[str], *, source: int, actor: str, evidence: str
) -> Suppressed:
    """Suppresses E.164 numbers, of which none comes twice, as `suppress` does with one."""
    row = await db.fetchrow(_SQL["suppress_many"], numbers, source, actor, evidence)
    assert row is not None
    return Suppressed(row["suppressed"], row["cleared"])
