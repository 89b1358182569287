"""Who an audience is: counts of the same rows that the expansion writes texts for."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from outbound_sms.domain.audience import Audience
from outbound_sms.domain.language import Language
from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("audience")

FIRST_ACCOUNTS = 1_000
# A little more than the server's own limit, which `plan_for_counting` sets.
STATEMENT_TIMEOUT = 14.0


@dataclass(frozen=True, slots=True)
class NumberCount:
    """Phone numbers of one company, language and country. `left_out` is a LeftOutReason, or 0."""

    company_id: UUID
    language: Language
    country: str
    left_out: int
    numbers: int


@dataclass(frozen=True, slots=True)
class AudienceCount:
    """What an audience comes to."""

    accounts: int
    contacts: int
    numbers: tuple[NumberCount, ...]


async def count_audience(
    connection: Connection, instance_id: UUID, audience: Audience
) -> AudienceCount:
    """Counts it as it is now, in a transaction of its own that sees one moment."""
    arguments = (instance_id, audience.to_json())
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_SQL["plan_for_counting"])
        rows = await connection.fetch(_SQL["count_numbers"], *arguments, timeout=STATEMENT_TIMEOUT)
        return AudienceCount(
            accounts=await connection.fetchval(_SQL["count_accounts"], *arguments),
            contacts=await connection.fetchval(_SQL["count_contacts"], *arguments),
            numbers=tuple(
                NumberCount(**{**row, "language": Language(row["language"])}) for row in rows
            ),
        )


async def count_accounts(connection: Connection, instance_id: UUID, audience: Audience) -> int:
    """How many accounts match. The connection must be in a transaction."""
    await connection.execute(_SQL["plan_for_counting"])
    found: int = await connection.fetchval(_SQL["count_accounts"], instance_id, audience.to_json())
    return found


async def has_recipients(
    connection: Connection,
    instance_id: UUID,
    audience: Audience,
    company_id: UUID | None = None,
    language: Language | None = None,
) -> bool:
    """Whether anybody would be texted, of the company and in the language where they are given.

    Looks at the first accounts alone first: nearly always somebody is among them. The connection
    must be in a transaction.
    """
    arguments = (instance_id, audience.to_json())
    await connection.execute(_SQL["plan_for_counting"])
    first = await connection.fetchrow(_SQL["first_accounts"], *arguments, FIRST_ACCOUNTS)
    assert first is not None
    last = first["last_account"]
    ranges: list[tuple[UUID | None, UUID | None]] = [(None, last), (last, None)]
    if first["accounts"] < FIRST_ACCOUNTS:
        ranges = [(None, None)] if first["accounts"] else []
    for after, up_to in ranges:
        found: bool = await connection.fetchval(
            _SQL["has_recipients"],
            *(*arguments, after, up_to, company_id, language),
            timeout=STATEMENT_TIMEOUT,
        )
        if found:
            return True
    return False


async def find_accounts(db: Database, instance_id: UUID, ids: Iterable[UUID]) -> set[UUID]:
    """Those of the ids that are accounts of the instance."""
    rows = await db.fetch(_SQL["which_accounts_exist"], instance_id, list(ids))
    return {row["id"] for row in rows}


async def queued_segments(db: Database, instance_id: UUID, sending_number_id: UUID) -> int:
    """Carrier segments that wait for the sending number."""
    found: int = await db.fetchval(_SQL["queued_segments"], instance_id, sending_number_id)
    return found
