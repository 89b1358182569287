"""Fires: what events make, each once for a triggered message and an event key."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

import asyncpg

from outbound_sms.domain.body import Body
from outbound_sms.domain.language import Language
from outbound_sms.domain.recipient_zone import RecipientZone
from outbound_sms.domain.rendering import Answers, Closing
from outbound_sms.domain.signature import SignatureTemplate
from outbound_sms.domain.trigger_match import EventAccount, TextableNumber
from outbound_sms.store import sql
from outbound_sms.store.pool import Database

KEPT_FOR = timedelta(days=90)

FireKey = tuple[UUID, str]
"""A triggered message and an event key: what makes texts once."""

_SQL = sql.load("fires")


@dataclass(frozen=True, slots=True)
class Sender:
    """How a triggered message is sent to accounts of a company; None for what there is not."""

    sending_number_id: UUID | None
    closing: Closing | None


@dataclass(frozen=True, slots=True)
class NewText:
    """A text to be made; `language` says which of the bodies of its fire it is. Micros of money."""

    language: Language
    contact_id: UUID
    e164: str
    zone: RecipientZone
    cost_micros: int


@dataclass(frozen=True, slots=True)
class NewFire:
    """What an event makes for one triggered message: at least one text, and all bodies of them.

    The texts cost what `price_list_version` says.
    """

    key: FireKey
    account_id: UUID
    sending_number_id: UUID
    valid_until: datetime
    price_list_version: int
    bodies: Mapping[Language, Body]
    texts: Sequence[NewText]


async def find_accounts(
    db: Database, instance_id: UUID, ids: Collection[UUID], account_numbers: Collection[str]
) -> list[EventAccount]:
    """The accounts that there are of these, with whom of them may be texted."""
    rows = await db.fetch(_SQL["find_accounts"], instance_id, list(ids), list(account_numbers))
    return [_account(list(of_one)) for _, of_one in groupby(rows, lambda row: row["id"])]


async def find_fired(
    db: Database, instance_id: UUID, keys: Collection[FireKey]
) -> dict[FireKey, tuple[UUID, ...]]:
    """The texts of those of the keys that have made some already."""
    rows = await db.fetch(
        _SQL["find_fired"],
        instance_id,
        [triggered_message_id for triggered_message_id, _ in keys],
        [event_key for _, event_key in keys],
    )
    return _fired(rows)


async def find_senders(
    db: Database,
    instance_id: UUID,
    triggered_message_ids: Collection[UUID],
    company_ids: Collection[UUID],
) -> dict[tuple[UUID, UUID], Sender]:
    """How each triggered message is sent to each company, by the two ids."""
    rows = await db.fetch(
        _SQL["find_senders"], instance_id, list(triggered_message_ids), list(company_ids)
    )
    return {(row["triggered_message_id"], row["company_id"]): _sender(row) for row in rows}


async def write_fires(
    db: Database, instance_id: UUID, fires: Sequence[NewFire]
) -> dict[FireKey, tuple[UUID, ...]]:
    """Makes the texts, all or nothing, and returns them by the keys that were free.

    A key that is not in the answer was taken: by an earlier event, or by another process meanwhile.
    """
    rows = await db.fetch(_SQL["write"], instance_id, *_columns(fires))
    return _fired(rows)


async def forget_old_fires(db: Database, limit: int = 1_000) -> int:
    """Frees up to `limit` keys that were taken more than 90 days ago; returns how many."""
    status = await db.execute(_SQL["forget_old"], KEPT_FOR, limit)
    return int(status.rpartition(" ")[2])


def _account(rows: Sequence[asyncpg.Record]) -> EventAccount:
    first = rows[0]
    return EventAccount(
        id=first["id"],
        account_number=first["account_number"],
        company_id=first["company_id"],
        company_name=first["company_name"],
        company_enabled=first["company_enabled"],
        is_child=first["is_child"],
        region=first["region"],
        numbers=tuple(_number(row) for row in rows if row["e164"] is not None),
    )


def _number(row: asyncpg.Record) -> TextableNumber:
    return TextableNumber(
        contact_id=row["contact_id"],
        message_category_ids=frozenset(row["message_category_ids"]),
        language=Language(row["language"]),
        time_zone=row["time_zone"],
        e164=row["e164"],
        country=row["country"],
    )


def _sender(row: asyncpg.Record) -> Sender:
    closing = None
    if row["template"] is not None:
        answers = Answers(
            company_name=row["company_name"],
            department_name=row["department_name"],
            phone_number=row["phone_number"],
            email_address=row["email_address"],
        )
        closing = Closing(SignatureTemplate(row["template"]), answers)
    return Sender(row["sending_number_id"], closing)


def _fired(rows: Iterable[asyncpg.Record]) -> dict[FireKey, tuple[UUID, ...]]:
    return {
        (row["triggered_message_id"], row["event_key"]): tuple(row["message_ids"])
        for row in rows
        if row["message_ids"] is not None
    }


def _columns(fires: Sequence[NewFire]) -> list[list[object]]:
    """The arrays of `write`: the columns of the messages, then those of the bodies."""
    messages: list[tuple[object, ...]] = []
    bodies: list[tuple[object, ...]] = []
    for fire in fires:
        places = {}
        for language, body in fire.bodies.items():
            segments = (body.billable_segments, body.carrier_segments)
            bodies.append((language, body.text, body.encoding, body.characters, *segments))
            places[language] = len(bodies)
        for text in fire.texts:
            messages.append(
                (
                    *fire.key,
                    *(fire.account_id, text.contact_id, fire.sending_number_id, text.e164),
                    *(places[text.language], text.zone.key, text.zone.source, fire.valid_until),
                    *(text.cost_micros, fire.price_list_version),
                )
            )
    return [list(column) for rows in (messages, bodies) for column in zip(*rows, strict=True)]
