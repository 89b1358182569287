"""Answers that were already given, by request_id."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database

KEPT_FOR = timedelta(hours=24)

_SQL = sql.load("idempotency")


@dataclass(frozen=True, slots=True)
class Call:
    """One request_id of one method; `fingerprint` is SHA-256 of the rest of the request."""

    instance_id: UUID
    method: str
    request_id: UUID
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A serialised response and the fingerprint of the request that it was given to."""

    fingerprint: bytes
    response: bytes


async def claim(connection: Connection, call: Call) -> bool:
    """Whether the call is the first of its request_id; must run in the effect's transaction."""
    key = (call.instance_id, call.method, call.request_id)
    return await connection.fetchval(_SQL["claim"], *key, call.fingerprint) is not None


async def get_answer(connection: Connection, call: Call) -> Answer | None:
    """What the first call was answered; None when it has been forgotten meanwhile."""
    row = await connection.fetchrow(
        _SQL["get_answer"], call.instance_id, call.method, call.request_id
    )
    if row is None or row["response"] is None:
        return None
    return Answer(row["fingerprint"], row["response"])


async def set_answer(connection: Connection, call: Call, response: bytes) -> None:
    """Stores what the claimed call is answered."""
    key = (call.instance_id, call.method, call.request_id)
    await connection.execute(_SQL["set_answer"], *key, response)


async def forget_old_answers(db: Database, limit: int = 1_000) -> int:
    """Deletes up to `limit` answers that are older than 24 hours; returns how many."""
    status = await db.execute(_SQL["forget_old_answers"], KEPT_FOR, limit)
    return int(status.rpartition(" ")[2])
