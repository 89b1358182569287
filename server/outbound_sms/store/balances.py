"""Balances: the prepaid money of each instance. They follow the ledger inside the database."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from outbound_sms.domain.errors import InvalidRequest, Reason, WrongState
from outbound_sms.domain.ledger import Amounts
from outbound_sms.store import sql
from outbound_sms.store.pool import Connection, Database

_SQL = sql.load("balances")

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Balance:
    """The money of an instance, in micros of `currency`.

    `low_funds_time` is when it last fell below the threshold, `waits_until` until when texts wait
    for an automatic top-up. Requeueable are texts that could not be paid and are still valid.
    """

    instance_id: UUID
    available_micros: int
    held_micros: int
    spent_micros: int
    currency: str
    low_funds_threshold_micros: int
    low_funds_time: datetime | None
    waits_until: datetime | None
    requeueable_messages: int
    requeueable_cost_micros: int

    @property
    def low_funds(self) -> bool:
        """Whether what can be spent is below the threshold."""
        return self.available_micros < self.low_funds_threshold_micros

    @property
    def amounts(self) -> Amounts:
        """The three amounts that follow the ledger."""
        return Amounts(self.available_micros, self.held_micros, self.spent_micros)


@dataclass(frozen=True, slots=True)
class Unfunded:
    """Texts of an instance that could not be paid: how many can be requeued, at what price, and
    when one last could not be paid, whether it can be requeued or not."""

    messages: int = 0
    cost_micros: int = 0
    newest: datetime | None = None

    def shown_in(self, balance: Balance) -> Balance:
        """The balance with these as its requeueable texts."""
        return replace(
            balance, requeueable_messages=self.messages, requeueable_cost_micros=self.cost_micros
        )


@dataclass(frozen=True, slots=True)
class LowFunds:
    """A balance that has fallen below its threshold."""

    instance_id: UUID
    available_micros: int
    low_funds_threshold_micros: int
    low_funds_time: datetime


async def get_balance(db: Database, instance_id: UUID) -> Balance:
    """The balance of an instance, which must exist."""
    row = await db.fetchrow(_SQL["get"], instance_id)
    assert row is not None
    return _balance(row)


async def list_balances(db: Database, instance_ids: Collection[UUID]) -> Mapping[UUID, Balance]:
    """The balances by instance, without requeueable texts: `list_unfunded` has these."""
    rows = await db.fetch(_SQL["list"], instance_ids)
    return {row["instance_id"]: _balance(row) for row in rows}


async def list_unfunded(db: Database, instance_ids: Collection[UUID]) -> Mapping[UUID, Unfunded]:
    """What could not be paid, by instance; those without such texts are left out."""
    rows = await db.fetch(_SQL["list_unfunded"], instance_ids)
    return {
        row["instance_id"]: Unfunded(row["messages"], row["cost_micros"], row["newest"])
        for row in rows
    }


async def list_recent_top_ups(
    db: Database, instance_ids: Collection[UUID], most: int
) -> Mapping[UUID, Mapping[UUID, int]]:
    """The states of the newest top-ups by id, newest first, at most `most` of each instance."""
    found: dict[UUID, dict[UUID, int]] = {}
    for row in await db.fetch(_SQL["list_recent_top_ups"], instance_ids, most):
        found.setdefault(row["instance_id"], {})[row["id"]] = row["state"]
    return found


async def available_micros(db: Database, instance_id: UUID) -> int:
    """What can be spent, of an instance that must exist."""
    found: int = await db.fetchval(_SQL["available"], instance_id)
    return found


async def adjust_balance(db: Connection, instance_id: UUID, amount_micros: int, note: str) -> None:
    """Adds money to what can be spent, or takes it when negative, by an entry of the ledger.

    The connection must be in a transaction and see the instance, which must exist. Raises
    WrongState (BALANCE_TOO_LOW) when it would take more than there is, and InvalidRequest when it
    would make the balance larger than can be stored.
    """
    available: int = await db.fetchval(_SQL["lock"], instance_id)
    if available + amount_micros < 0:
        raise WrongState(
            Reason.BALANCE_TOO_LOW,
            f"Only {available:,} micros are available; take no more than that.",
            available_micros=str(available),
        )
    if available + amount_micros > _LARGEST:
        raise InvalidRequest.of(
            "amount_micros",
            f"would make the balance too large; it has {available:,} micros already",
        )
    await db.execute(_SQL["adjust"], instance_id, amount_micros, note)


async def take_low_funds(db: Database) -> list[LowFunds]:
    """Balances that have fallen below their threshold since the last call; told once in all."""
    return [LowFunds(**row) for row in await db.fetch(_SQL["take_low_funds"])]


def _balance(row: asyncpg.Record) -> Balance:
    return Balance(
        instance_id=row["instance_id"],
        available_micros=row["available_micros"],
        held_micros=row["held_micros"],
        spent_micros=row["spent_micros"],
        currency=row["currency"],
        low_funds_threshold_micros=row["low_funds_threshold_micros"],
        low_funds_time=row["low_funds_time"],
        waits_until=row["waits_until"],
        requeueable_messages=row["messages"],
        requeueable_cost_micros=row["cost_micros"],
    )
