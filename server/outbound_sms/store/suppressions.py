"""Numbers that nobody may text, for whatever instance."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    db: Database, e164: str, *, source: int, actor: str = "carrier", evidence: str = ""
) -> None:
    """Suppresses a number and clears its opt-ins everywhere. Doing it again changes nothing."""
    await db.execute(_SQL["suppress"], e164, source, actor, evidence)


async def suppress_many(
    db: Database, numbers: Sequence[str], *, source: int, actor: str, evidence: str
) -> Suppressed:
    """Suppresses E.164 numbers, of which none comes twice, as `suppress` does with one."""
    row = await db.fetchrow(_SQL["suppress_many"], numbers, source, actor, evidence)
    assert row is not None
    return Suppressed(row["suppressed"], row["cleared"])
