"""Texts that people send to our numbers, and what they find there, for tests of the replies."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from outbound_sms.domain.keyword import read_keyword
from outbound_sms.store.pool import Pool
from outbound_sms.store.replies import InboundText, Taken, take_reply
from tests.factories import (
    Isp,
    add_account,
    add_contact,
    add_number,
)

SUBSCRIBER, NEIGHBOUR = "+14165550123", "+14165550124"
FIRST, SECOND = "+12125550100", "+12125550101"
PRICE = 15_000
_ids = count(1)


def text(
    body: str, *, to: str = FIRST, sender: str = SUBSCRIBER, carrier_id: str | None = None
) -> InboundText:
    return InboundText("sandbox", carrier_id or f"SM{next(_ids)}", sender, to, body)


async def take(system: Pool, inbound: InboundText) -> Taken:
    taken = await take_reply(system, inbound, read_keyword(inbound.body))
    assert taken is not None
    return taken


async def add_subscriber(
    pool: Pool, isp: Isp, e164: str = SUBSCRIBER, *, opted_in: bool = True, number: str = "A-1"
) -> tuple[UUID, UUID, UUID]:
    """Account, contact and phone number."""
    account = await add_account(pool, isp, number)
    contact = await add_contact(pool, isp, account)
    return account, contact, await add_number(pool, isp, contact, e164, opted_in=opted_in)


async def add_text(
    pool: Pool,
    isp: Isp,
    phone: str = SUBSCRIBER,
    *,
    status: int = 1,
    kind: int = 2,
    held: bool = False,
    queue: str = "dispatch",
    account_id: UUID | None = None,
    sending_number_id: UUID | None = None,
    **columns: object,
) -> UUID:
    """A text with its history, in the queue as `columns` of it say, set aside, or in neither."""
    message_id: UUID = await pool.fetchval(
        "INSERT INTO message (instance_id, account_id, contact_id, sending_number_id, body_id, "
        "phone, billable_segments, carrier_segments, kind, cost_micros, price_list_version, status,"
        " version) VALUES ($1, $2, new_id(), $3, new_id(), $4, 1, 1, $5, $6, 1, $7::smallint, "
        "CASE WHEN $7::smallint = 6 THEN 2 ELSE least($7::smallint, 4) END) RETURNING id",
        isp.instance_id,
        account_id,
        sending_number_id or isp.sending_number_id,
        phone,
        kind,
        PRICE,
        status,
    )
    for version, each in enumerate([1, 6] if status == 6 else range(1, status + 1), 1):
        await pool.execute(
            "INSERT INTO status_event (instance_id, message_id, version, status, previous_status) "
            "VALUES ($1, $2, $3, $4, $5)",
            isp.instance_id,
            message_id,
            version,
            each,
            version - 1,
        )
    if held:
        await pool.execute(
            "INSERT INTO ledger_entry (instance_id, kind, message_id, amount_micros) "
            "VALUES ($1, 2, $2, $3)",
            isp.instance_id,
            message_id,
            PRICE,
        )
    if queue:
        columns = {
            "message_id": message_id,
            "instance_id": isp.instance_id,
            "sending_number_id": isp.sending_number_id,
            "priority": 1,
            "zones": "",
            "segments": 1,
            "cost_micros": PRICE,
            "valid_until": datetime.now(UTC) + timedelta(hours=4),
        } | columns
        if queue == "dispatch":
            columns["held"] = held
        places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
        await pool.execute(
            f"INSERT INTO {queue} ({', '.join(columns)}) VALUES ({places})", *columns.values()
        )
    return message_id


async def opt_ins(pool: Pool) -> dict[UUID, tuple[bool, bool]]:
    """Opt-in, and whether STOP cleared it, of every phone number."""
    rows = await pool.fetch("SELECT id, sms_opt_in, cleared_by_stop FROM phone_number")
    return {row[0]: (row[1], row[2]) for row in rows}


async def versions(pool: Pool) -> dict[UUID, int]:
    """Of every phone number."""
    return {row[0]: row[1] for row in await pool.fetch("SELECT id, version FROM phone_number")}


async def consent_events(pool: Pool) -> list[tuple[object, ...]]:
    rows = await pool.fetch(
        "SELECT instance_id, phone_number_id, e164, kind, source, actor, evidence "
        "FROM consent_event ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def suppressed(pool: Pool) -> list[str]:
    return [row[0] for row in await pool.fetch("SELECT e164 FROM suppression ORDER BY e164")]


async def answers(pool: Pool) -> list[str]:
    """The texts of all keyword replies, oldest first."""
    rows = await pool.fetch(
        "SELECT b.text FROM message m JOIN body b ON b.id = m.body_id "
        "WHERE m.kind = 3 ORDER BY m.id"
    )
    return [row[0] for row in rows]


async def state_of(pool: Pool, message_id: UUID) -> tuple[int, str | None, bool]:
    """Status, reason, and whether it is in the queue."""
    row = await pool.fetchrow(
        "SELECT status, reject_reason, EXISTS (SELECT FROM dispatch WHERE message_id = $1) "
        "FROM message WHERE id = $1",
        message_id,
    )
    assert row is not None
    return row[0], row[1], row[2]
