"""Top-ups: opened by a person here, or by `open_automatic_top_up` of the schema; then charged."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from outbound_sms.domain.errors import NotFound, Reason, WrongState
from outbound_sms.domain.top_up import TopUpState
from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("top_ups")


@dataclass(frozen=True, slots=True)
class TopUp:
    """A charge that adds funds. Its id is the idempotency key of the charge.

    `customer` and `payment_method` are the gateway's ids, as they were when it was opened, so that
    a repeated charge is the same. `attempts` counts how often the gateway was asked.
    """

    id: UUID
    instance_id: UUID
    automatic: bool
    amount_micros: int
    currency: str
    customer: str
    payment_method: str
    state: TopUpState
    attempts: int
    failure_code: str
    gateway_payment_id: str
    create_time: datetime
    finish_time: datetime | None


@dataclass(frozen=True, slots=True)
class DueTopUp:
    """A top-up that this worker asks the gateway about; `asked_for` is since it was first asked."""

    top_up: TopUp
    asked_for: timedelta


async def add_top_up(db: Connection, instance_id: UUID, amount_micros: int) -> TopUp:
    """A new one by hand, OPEN, charged to the payment method of the instance.

    Raises WrongState (NO_PAYMENT_METHOD).
    """
    row = await db.fetchrow(_SQL["add"], instance_id, amount_micros)
    if row is None:
        raise WrongState(
            Reason.NO_PAYMENT_METHOD,
            "The instance has no payment method; set payment_method with UpdateAutoBuy first.",
        )
    return _top_up(row)


async def get_top_up(db: Database, instance_id: UUID, top_up_id: UUID) -> TopUp:
    """The top-up. Raises NotFound (TOP_UP_NOT_FOUND)."""
    row = await db.fetchrow(_SQL["get"], instance_id, top_up_id)
    if row is None:
        raise NotFound(
            Reason.TOP_UP_NOT_FOUND, "No such top-up; ListTopUps has them.", id=str(top_up_id)
        )
    return _top_up(row)


async def list_top_ups(
    db: Database, instance_id: UUID, after: UUID | None, limit: int
) -> list[TopUp]:
    """Top-ups newest first, those before the id `after`."""
    return [_top_up(row) for row in await db.fetch(_SQL["list"], instance_id, after, limit)]


async def last_top_up(db: Database, instance_id: UUID) -> TopUp | None:
    """The one that was opened last."""
    found = await list_top_ups(db, instance_id, None, 1)
    return found[0] if found else None


async def take_due(db: Database, most: int, lease_seconds: float) -> list[DueTopUp]:
    """Up to `most` that are due, of all instances, CHARGING from now on.

    Nobody else gets them for `lease_seconds`.
    """
    rows = await db.fetch(_SQL["take_due"], most, lease_seconds)
    return [DueTopUp(_top_up(row), row["asked_for"]) for row in rows]


async def succeed(db: Database, top_up_id: UUID, gateway_payment_id: str) -> TopUpState | None:
    """Adds the money to the balance and ends the top-up; harmless when it is repeated.

    Returns the state that it was in, None when it had succeeded before.
    """
    state = await db.fetchval(_SQL["succeed"], top_up_id, gateway_payment_id)
    return TopUpState(state) if state is not None else None


async def fail(db: Database, top_up_id: UUID, code: str, gateway_payment_id: str | None) -> bool:
    """Ends the top-up without money; texts that waited for it are looked at again.

    Returns whether it had not ended before.
    """
    found = await db.fetchval(_SQL["fail"], top_up_id, code, gateway_payment_id)
    return found is not None


async def postpone(db: Database, top_up_id: UUID, seconds: float) -> None:
    """Makes it due in `seconds`, instead of at the end of the lease."""
    await db.execute(_SQL["postpone"], top_up_id, seconds)


def _top_up(row: asyncpg.Record) -> TopUp:
    return TopUp(
        id=row["id"],
        instance_id=row["instance_id"],
        automatic=row["automatic"],
        amount_micros=row["amount_micros"],
        currency=row["currency"],
        customer=row["customer"],
        payment_method=row["payment_method"],
        state=TopUpState(row["state"]),
        attempts=row["attempts"],
        failure_code=row["failure_code"] or "",
        gateway_payment_id=row["gateway_payment_id"] or "",
        create_time=row["create_time"],
        finish_time=row["finish_time"],
    )
