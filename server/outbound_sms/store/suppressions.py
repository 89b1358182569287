"""Numbers that nobody may text, for whatever instance."""

from outbound_sms.store.pool import Database
from outbound_sms.store.sql import load

_SQL = load("suppressions")

CARRIER = 8
"""The consent source of a suppression that a carrier told us of."""


async def suppress(
    db: Database, e164: str, *, source: int, actor: str = "carrier", evidence: str = ""
) -> None:
    """Suppresses a number and clears its opt-ins everywhere. Doing it again changes nothing."""
    await db.execute(_SQL["suppress"], e164, source, actor, evidence)
