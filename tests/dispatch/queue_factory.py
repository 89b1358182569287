"""Fills the queue without the parts that usually do, for tests of the dispatcher alone.

Everything is due by the clock of the pool's sessions, which may be one that a test sets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from outbound_sms.domain.quiet_hours import QuietHours, QuietMode
from outbound_sms.store.pool import Pool
from tests.factories import PLENTY, add_funds

PRICE = 15_000
"""Of each text here, in micros: that of the first price list."""

_INSTANCE = """
WITH i AS (
  INSERT INTO instance (name, country, currency, time_zone)
  VALUES ($1, 'US', 'USD', 'America/New_York') RETURNING id),
c AS (
  INSERT INTO company (instance_id, name, country) SELECT id, 'Northwind', 'US' FROM i
  RETURNING id),
a AS (
  INSERT INTO account (instance_id, account_number, name, company_id)
  SELECT i.id, '1', 'One', c.id FROM i, c RETURNING id),
p AS (
  INSERT INTO contact (instance_id, account_id, name) SELECT i.id, a.id, 'Ann' FROM i, a
  RETURNING id),
n AS (
  INSERT INTO sending_number (instance_id, e164, carrier, segments_per_second, is_default)
  SELECT id, $2, $3, $4, true FROM i RETURNING id),
r AS (INSERT INTO sending_rate (sending_number_id, tokens) SELECT id, least($4, 1e6) FROM n),
d AS (INSERT INTO department (instance_id, name) SELECT id, 'Support' FROM i RETURNING id),
s AS (
  INSERT INTO signature (instance_id, name, department_id, template)
  SELECT i.id, 'Short', d.id, 1 FROM i, d RETURNING id),
m AS (
  INSERT INTO mass_message (instance_id, saved_message, signature_id, sending_number_id,
    outage_start_time, audience, valid_until, state, expanded, resend_unknown_outcome,
    price_list_version)
  SELECT i.id, 'UNPLANNED_OUTAGE_NO_ETA', s.id, n.id, now(), '{}', now() + interval '4 hours', 2,
         true, $5, 1 FROM i, s, n RETURNING id),
b AS (
  INSERT INTO body (instance_id, mass_message_id, company_id, language, text, encoding,
    characters, billable_segments, carrier_segments)
  SELECT i.id, m.id, c.id, 'en', $6, 1, 100, 1, $7 FROM i, m, c RETURNING id)
SELECT i.id AS instance_id, n.id AS sending_number_id, m.id AS mass_message_id, b.id AS body_id,
       a.id AS account_id, p.id AS contact_id FROM i, n, m, b, a, p
"""

_MESSAGES = """
WITH m AS (
  INSERT INTO message (instance_id, mass_message_id, account_id, contact_id, sending_number_id,
                       body_id, phone, billable_segments, carrier_segments, kind, cost_micros,
                       price_list_version)
  SELECT $1, $2, $3, $4, $5, $6, phone, 1, $7, 1, 15000, 1 FROM unnest($8::text[]) phone
  RETURNING id, instance_id, mass_message_id, sending_number_id, carrier_segments, cost_micros),
e AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status,
                            previous_status)
  SELECT instance_id, id, mass_message_id, 1, 1, 0 FROM m)
INSERT INTO dispatch (message_id, instance_id, sending_number_id, mass_message_id, priority,
                      segments, due_time, valid_until, cost_micros)
SELECT id, instance_id, sending_number_id, mass_message_id, 5, carrier_segments, now(),
       now() + interval '4 hours', cost_micros FROM m
RETURNING message_id
"""

_TRIGGERED = """
WITH t AS (
  INSERT INTO phone_number_type (instance_id, name, sms_capable) VALUES ($1, 'Mobile', true)
  ON CONFLICT ON CONSTRAINT phone_number_type_name_unique DO UPDATE SET sms_capable = true
  RETURNING id),
c AS (
  INSERT INTO contact (instance_id, account_id, name)
  SELECT $1, $2, 'Ann ' || n FROM generate_series(1, $6) n RETURNING id),
p AS (
  INSERT INTO phone_number (instance_id, contact_id, e164, country, phone_number_type_id,
                            sms_opt_in)
  SELECT $1, c.id, '+1' || 3125550100 + $8::int + row_number() OVER (), 'US', t.id, true FROM c, t
  RETURNING contact_id, e164),
m AS (
  INSERT INTO message (instance_id, account_id, contact_id, sending_number_id, body_id, phone,
                       billable_segments, carrier_segments, kind, cost_micros, price_list_version,
                       recipient_zones, zone_source)
  SELECT $1, $2, contact_id, $3, $4, e164, 1, 1, 2, 15000, 1, $5, 1 FROM p
  RETURNING id, instance_id, sending_number_id, cost_micros),
e AS (
  INSERT INTO status_event (instance_id, message_id, version, status, previous_status)
  SELECT instance_id, id, 1, 1, 0 FROM m)
INSERT INTO dispatch (message_id, instance_id, sending_number_id, priority, zones, segments,
                      due_time, valid_until, cost_micros)
SELECT id, instance_id, sending_number_id, 1, $5, 1, now(),
       coalesce($7, now() + interval '5 days'), cost_micros FROM m
RETURNING message_id
"""


@dataclass(frozen=True, slots=True)
class Queued:
    """What was made for one instance."""

    instance_id: UUID
    sending_number_id: UUID
    mass_message_id: UUID
    body_id: UUID
    account_id: UUID
    contact_id: UUID
    message_ids: Sequence[UUID]


def phones(count: int, start: int = 0) -> list[str]:
    """Different phone numbers; more of them than 555-01xx has, so never shown to anybody."""
    return [f"+1{2_125_550_100 + start + i}" for i in range(count)]


async def fill_queue(
    pool: Pool,
    messages: int,
    *,
    name: str = "Northwind",
    sender: str = "+12025550199",
    carrier: str = "null",
    rate: float = 1e9,
    segments: int = 1,
    text: str = "Outage",
    resend_unknown_outcome: bool = False,
    recipients: Sequence[str] | None = None,
    funds: int = PLENTY,
    surge_multiple: int = 0,
) -> Queued:
    """One instance with `messages` messages ready to be claimed, and `funds` in micros.

    Of the limits of a new instance it has no `surge_multiple`, unless told otherwise.
    """
    row = await pool.fetchrow(
        _INSTANCE, name, sender, carrier, rate, resend_unknown_outcome, text, segments
    )
    assert row is not None
    await pool.execute(
        "UPDATE sending_limit SET surge_multiple = $2 WHERE instance_id = $1",
        row["instance_id"],
        surge_multiple,
    )
    if funds:
        await add_funds(pool, row["instance_id"], funds)
    made: list[UUID] = []
    wanted = list(recipients) if recipients is not None else phones(messages)
    for start in range(0, len(wanted), 10_000):
        rows = await pool.fetch(
            _MESSAGES,
            row["instance_id"],
            row["mass_message_id"],
            row["account_id"],
            row["contact_id"],
            row["sending_number_id"],
            row["body_id"],
            segments,
            wanted[start : start + 10_000],
        )
        made += [r["message_id"] for r in rows]
    return Queued(**row, message_ids=made)


async def add_triggered(
    pool: Pool,
    queued: Queued,
    messages: int,
    *,
    zones: str = "America/New_York",
    valid_until: datetime | None = None,
) -> list[UUID]:
    """Triggered messages of the instance in its queue, each to a contact and number of its own.

    Due now by the clock of the pool, and valid for five days unless told otherwise.
    """
    made: list[UUID] = []
    for start in range(0, messages, 10_000):
        rows = await pool.fetch(
            _TRIGGERED,
            queued.instance_id,
            queued.account_id,
            queued.sending_number_id,
            queued.body_id,
            zones,
            min(10_000, messages - start),
            valid_until,
            start,
        )
        made += [row["message_id"] for row in rows]
    return made


async def set_quiet_hours(
    pool: Pool, instance_id: UUID, hours: QuietHours | None, *, time_zone: str = "America/New_York"
) -> None:
    """Changes the settings as the service does: in one statement that counts the version up."""
    await pool.execute(
        "UPDATE instance SET quiet_start = $2, quiet_end = $3, quiet_mode = $4, time_zone = $5, "
        "version = version + 1 WHERE id = $1",
        instance_id,
        hours and hours.start,
        hours and hours.end,
        hours.mode if hours else QuietMode.INSTANCE,
        time_zone,
    )
