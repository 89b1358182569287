"""An instance with at least one row in every table that holds tenants' rows."""

from uuid import UUID

from outbound_sms.store.pool import Database
from tests.factories import (
    add_account,
    add_category,
    add_contact,
    add_mass_message,
    add_network_site,
    add_number,
    make_isp,
    make_triggered_message,
)

EVERYBODYS = {
    "feed_epoch",
    "feed_gate",
    "feed_tick",
    "opt_out_policy",
    "parked_receipt",
    "price_list",
    "schema_migration",
    "segment_price",
    "signing_key",
}
"""Tables whose rows belong to no tenant."""


async def add_row_of_everything(db: Database, sender: str) -> UUID:
    """The id of a new instance. A table that is missing here fails the tests of the wall."""
    isp = await make_isp(db, sender=sender)
    account = await add_account(db, isp, "A-1")
    contact = await add_contact(db, isp, account)
    await add_number(db, isp, contact, "+12125550177")
    await add_network_site(db, isp, "Tower")
    await add_category(db, isp, "General")
    await add_mass_message(db, isp)
    await make_triggered_message(db, isp, "AUTOPAY_FAILURE")
    for statement in _REST:
        await db.execute(statement, isp.instance_id)
    return isp.instance_id


_REST = (
    "INSERT INTO suppression (e164, source, instance_id) VALUES ('+12125550188', 5, $1)",
    "INSERT INTO triggered_hour (instance_id, hour_start, messages) VALUES ($1, now(), 1)",
    "INSERT INTO prefix_hour (instance_id, prefix, hour_start, messages) "
    "VALUES ($1, '+1212555', now(), 1)",
    "INSERT INTO sending_alert (instance_id, kind, messages) VALUES ($1, 4, 1)",
    "INSERT INTO vendor (instance_id, name) VALUES ($1, 'Tree service')",
    "INSERT INTO role (instance_id, name) VALUES ($1, 'Night shift')",
    "INSERT INTO api_key (instance_id, role_id, name, lookup_id, secret_hash) "
    "SELECT instance_id, id, 'key', id::text, '' FROM role WHERE instance_id = $1",
    "INSERT INTO idempotency (instance_id, method, request_id, fingerprint) "
    "VALUES ($1, 'm', new_id(), '')",
    "INSERT INTO consent_event (instance_id, e164, kind, source, actor, occur_time) "
    "VALUES ($1, '+12125550177', 1, 1, 'key', now())",
    "INSERT INTO message (instance_id, mass_message_id, contact_id, sending_number_id, body_id, "
    "phone, billable_segments, carrier_segments, kind, cost_micros, price_list_version) "
    "SELECT $1, b.mass_message_id, c.id, n.id, b.id, '+12125550177', 1, 1, 1, 15000, 1 "
    "FROM body b JOIN contact c USING (instance_id) JOIN sending_number n USING (instance_id) "
    "WHERE b.instance_id = $1 LIMIT 1",
    "INSERT INTO dispatch (message_id, instance_id, sending_number_id, priority, segments, "
    "valid_until, cost_micros, held) SELECT id, instance_id, sending_number_id, 5, 1, now(), "
    "cost_micros, true FROM message WHERE instance_id = $1",
    "INSERT INTO ledger_entry (instance_id, kind, amount_micros, message_id) "
    "SELECT instance_id, 2, cost_micros, id FROM message WHERE instance_id = $1",
    "INSERT INTO status_event (instance_id, message_id, version, status, previous_status) "
    "SELECT instance_id, id, 1, 1, 0 FROM message WHERE instance_id = $1",
    "INSERT INTO attempt (message_id, number, carrier, outcome, submit_time) "
    "SELECT id, 1, 'sandbox', 1, now() FROM message WHERE instance_id = $1",
    "INSERT INTO submitted_part (carrier, carrier_message_id, message_id, attempt, part, parts) "
    "SELECT 'sandbox', id::text, id, 1, 1, 1 FROM message WHERE instance_id = $1",
    "INSERT INTO receipt (message_id, attempt, state, carrier) "
    "SELECT id, 1, 3, 'sandbox' FROM message WHERE instance_id = $1",
    "INSERT INTO mass_message_count (mass_message_id, status, messages) "
    "SELECT id, 1, 1 FROM mass_message WHERE instance_id = $1",
    "INSERT INTO feed (instance_id, seqs, message_ids, mass_message_ids, event_times, versions, "
    "statuses, reject_reasons) VALUES ($1, '{1}', ARRAY[new_id()], '{NULL}', ARRAY[now()], "
    "'{1}', '{1}', '{NULL}')",
    "INSERT INTO trigger_fire (triggered_message_id, event_key, instance_id, message_ids) "
    "SELECT id, 'invoice 1', instance_id, '{}' FROM triggered_message WHERE instance_id = $1",
    "INSERT INTO auto_buy (instance_id, customer, payment_method) "
    "VALUES ($1, 'cus_1', 'pm_card_visa')",
    "INSERT INTO top_up (instance_id, automatic, amount_micros, currency, customer, "
    "payment_method, state, finish_time) "
    "VALUES ($1, false, 10000, 'USD', 'cus_1', 'pm_card_visa', 4, now())",
    # Not in the queue, since it could not be paid.
    "INSERT INTO message (instance_id, contact_id, sending_number_id, body_id, phone, "
    "billable_segments, carrier_segments, kind, cost_micros, price_list_version, status) "
    "SELECT instance_id, contact_id, sending_number_id, body_id, phone, 1, 1, 2, 15000, 1, 6 "
    "FROM message WHERE instance_id = $1",
    "INSERT INTO unfunded (message_id, instance_id, sending_number_id, priority, zones, segments, "
    "cost_micros, valid_until) SELECT id, instance_id, sending_number_id, 1, '', 1, cost_micros, "
    "now() FROM message WHERE instance_id = $1 AND status = 6",
    "INSERT INTO refund_due (message_id, instance_id) "
    "SELECT id, instance_id FROM message WHERE instance_id = $1",
    "INSERT INTO inbound_message (instance_id, sending_number_id, carrier, carrier_message_id, "
    "e164, body, meaning) SELECT $1, id, 'sandbox', id::text, '+12125550177', 'What?', 4 "
    "FROM sending_number WHERE instance_id = $1",
)
