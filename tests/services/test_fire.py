"""Events fired through real stubs: what they come to, what is made, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from outbound_sms.store.pool import Pool
from outboundsms.v1 import triggers_pb2 as pb
from outboundsms.v1.triggers_pb2_grpc import TriggersStub
from tests.factories import add_number, add_signature
from tests.price_lists import DIFFERENT, flat, set_prices
from tests.services.failures import failure
from tests.services.fire_calls import (
    JOB,
    PAYMENT,
    VARIABLES,
    Subscribers,
    event,
    fire,
    make_subscribers,
    message_ids,
    outcomes,
)
from tests.services.running import Running, Stubs, Tenant

Code = grpc.StatusCode
FIRED = pb.FIRE_OUTCOME_FIRED
ALREADY_FIRED = pb.FIRE_OUTCOME_ALREADY_FIRED


@pytest.fixture
async def subscribers(pool: Pool, instance: Tenant) -> Subscribers:
    return await make_subscribers(pool, instance.instance.id)


async def test_an_event_becomes_a_text(stub: Stubs, subscribers: Subscribers) -> None:
    result = await fire(stub)
    assert (result.outcome, outcomes(result)) == (FIRED, [FIRED])
    [text] = await subscribers.texts()
    assert message_ids(result) == [str(text["id"])]
    assert text["text"] == (
        "Northwind Fiber: your payment of $45.10 is due in 5 days, on Mar 1. "
        "If you have paid, thank you. Reply STOP to unsubscribe."
    )
    assert (text["kind"], text["status"], text["version"]) == (2, 1, 1)
    assert (text["phone"], text["contact_id"]) == ("+12125550101", subscribers.contact_id)
    assert (text["account_id"], text["mass_message_id"]) == (subscribers.account_id, None)
    assert text["triggered_message_id"] == subscribers.message_id
    assert text["sending_number_id"] == subscribers.isp.sending_number_id
    assert (text["billable_segments"], text["carrier_segments"]) == (1, 1)


async def test_a_text_waits_in_the_queue_and_has_its_first_event(
    stub: Stubs, subscribers: Subscribers, server: Running
) -> None:
    await fire(stub)
    queued = await subscribers.pool.fetchrow("SELECT *, now() AS now FROM dispatch")
    [text] = await subscribers.texts()
    assert queued is not None
    assert (queued["message_id"], queued["priority"], queued["segments"]) == (text["id"], 1, 1)
    assert (queued["mass_message_id"], queued["owner"]) == (None, None)
    assert queued["zones"] == text["recipient_zones"] == "America/New_York"
    left = queued["valid_until"] - queued["now"]
    assert timedelta(hours=23, minutes=59) < left < timedelta(hours=24)
    logged = await subscribers.pool.fetchrow("SELECT * FROM status_event")
    assert logged is not None
    assert (logged["message_id"], logged["status"], logged["previous_status"]) == (text["id"], 1, 0)
    assert server.woken == [None]


async def test_a_text_costs_what_the_billing_rule_and_the_price_say(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await set_prices(subscribers.pool, flat(7_002))
    await subscribers.pool.execute("UPDATE signature SET template = 6")
    await fire(stub)
    [text] = await subscribers.texts()
    assert (text["carrier_segments"], text["billable_segments"]) == (2, 2)
    assert text["cost_micros"] == 14_004
    queued = await subscribers.pool.fetchrow("SELECT * FROM dispatch")
    assert queued is not None
    assert (queued["cost_micros"], queued["held"]) == (14_004, False)
    assert text["price_list_version"] == await subscribers.pool.fetchval(
        "SELECT max(version) FROM price_list"
    )
    body = await subscribers.pool.fetchrow("SELECT * FROM body")
    assert body is not None
    assert body["characters"] == len(body["text"])


async def test_a_text_costs_by_the_country_of_its_number_and_its_encoding(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await set_prices(subscribers.pool)
    await add_number(
        subscribers.pool, subscribers.isp, subscribers.contact_id, "+14165550123", country="CA"
    )
    await fire(stub)
    await subscribers.pool.execute(
        "UPDATE company SET name = 'Fibre Forêt' WHERE id = $1", subscribers.isp.company_id
    )
    await fire(stub, "invoice 2")
    rows = await subscribers.pool.fetch(
        "SELECT m.phone, b.encoding, m.billable_segments, m.cost_micros "
        "FROM message m JOIN body b ON b.id = m.body_id"
    )
    countries = {"+12125550101": "US", "+14165550123": "CA"}
    found = {(countries[row["phone"]], row["encoding"]): row for row in rows}
    assert found.keys() == DIFFERENT.keys()
    for key, row in found.items():
        assert row["cost_micros"] == row["billable_segments"] * DIFFERENT[key]


async def test_several_triggered_messages_make_a_text_each_oldest_first(
    stub: Stubs, subscribers: Subscribers
) -> None:
    other = await subscribers.add_triggered_message(count=10)
    third = await subscribers.add_triggered_message()
    result = await fire(stub)
    assert [each.triggered_message_id for each in result.triggered_messages] == [
        str(id_) for id_ in (subscribers.message_id, other, third)
    ]
    assert outcomes(result) == [FIRED, pb.FIRE_OUTCOME_COUNT_DIFFERS, FIRED]
    assert result.outcome == FIRED
    assert await subscribers.count() == 2


async def test_an_event_without_a_triggered_message_comes_to_nothing(
    stub: Stubs, subscribers: Subscribers
) -> None:
    deleted = await subscribers.add_triggered_message(PAYMENT)
    await subscribers.pool.execute(
        "UPDATE triggered_message SET delete_time = now() WHERE id = $1", deleted
    )
    result = await fire(stub, trigger_type=PAYMENT, variables={"AMOUNT_PAID": "45.10"})
    assert result.outcome == pb.FIRE_OUTCOME_NO_TRIGGERED_MESSAGE
    assert outcomes(result) == []


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ("UPDATE triggered_message SET enabled = false", pb.FIRE_OUTCOME_DISABLED),
        ("UPDATE triggered_message SET count = 4", pb.FIRE_OUTCOME_COUNT_DIFFERS),
        ("UPDATE account SET parent_account_id = id", pb.FIRE_OUTCOME_CHILD_ACCOUNT),
        ("UPDATE company SET enabled = false", pb.FIRE_OUTCOME_COMPANY_DISABLED),
    ],
)
async def test_what_keeps_an_event_from_making_texts_is_told(
    stub: Stubs, subscribers: Subscribers, change: str, outcome: int
) -> None:
    await subscribers.pool.execute(change)
    result = await fire(stub)
    assert (result.outcome, outcomes(result)) == (outcome, [outcome])
    assert await subscribers.count() == await subscribers.count("trigger_fire") == 0


async def test_a_child_account_is_texted_where_that_is_wanted(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await subscribers.pool.execute("UPDATE account SET parent_account_id = id")
    await subscribers.pool.execute("UPDATE triggered_message SET allow_child_accounts = true")
    assert (await fire(stub)).outcome == FIRED


async def test_a_job_is_texted_by_the_triggered_message_of_its_type(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await subscribers.add_triggered_message(JOB, job_type="Repair")
    await subscribers.add_triggered_message(JOB, job_type="Installation")
    start = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    result = await fire(
        stub,
        trigger_type=JOB,
        job_type=" Installation ",
        variables={"JOB_START": start.isoformat()},
    )
    assert outcomes(result) == [pb.FIRE_OUTCOME_JOB_TYPE_DIFFERS, FIRED]
    assert await subscribers.pool.fetchval("SELECT valid_until FROM dispatch") == start


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE contact SET delete_time = now()",
        "UPDATE contact SET message_category_ids = '{}'",
        "UPDATE triggered_message SET message_category_ids = ARRAY[new_id()]",
        "UPDATE phone_number SET sms_opt_in = false",
        "UPDATE phone_number_type SET sms_capable = false",
        "UPDATE phone_number SET country = 'BB'",
        "UPDATE phone_number SET e164 = '+19005550101'",
        "UPDATE phone_number SET e164 = '+19765550101'",
        "INSERT INTO suppression (e164, source) VALUES ('+12125550101', 1)",
        "DELETE FROM phone_number",
    ],
)
async def test_nobody_is_texted_who_may_not_be_and_the_key_stays_free(
    stub: Stubs, subscribers: Subscribers, change: str
) -> None:
    await subscribers.pool.execute(change)
    result = await fire(stub)
    assert outcomes(result) == [pb.FIRE_OUTCOME_NOBODY_OPTED_IN]
    assert await subscribers.count() == await subscribers.count("trigger_fire") == 0
    await subscribers.add_contact(subscribers.account_id, "+12125550109")
    await subscribers.pool.execute("UPDATE phone_number_type SET sms_capable = true")
    await subscribers.pool.execute(
        "UPDATE triggered_message SET message_category_ids = ARRAY[$1::uuid]",
        subscribers.category_id,
    )
    assert (await fire(stub)).outcome == FIRED


async def test_every_number_of_every_contact_is_texted_each_number_once(
    stub: Stubs, subscribers: Subscribers
) -> None:
    account = subscribers.account_id
    await subscribers.add_contact(account, "+12125550102", "+12125550101")
    await add_number(subscribers.pool, subscribers.isp, subscribers.contact_id, "+12125550103")
    result = await fire(stub)
    texts = await subscribers.texts()
    assert [text["phone"] for text in texts] == ["+12125550101", "+12125550103", "+12125550102"]
    assert [text["contact_id"] == subscribers.contact_id for text in texts] == [True, True, False]
    assert message_ids(result) == [str(text["id"]) for text in texts]
    assert await subscribers.count("body") == 1


async def test_each_is_texted_in_the_language_of_contact_account_company_or_instance(
    stub: Stubs, subscribers: Subscribers
) -> None:
    account = await subscribers.add_account("1002", "+15145550111", language="fr")
    await subscribers.add_contact(account, "+15145550112", language="en")
    await subscribers.add_contact(account, "+15145550113")
    await fire(stub, account_number="1002")
    texts = {text["phone"]: text["language"] for text in await subscribers.texts()}
    assert texts == {"+15145550111": "fr", "+15145550112": "en", "+15145550113": "fr"}
    assert await subscribers.count("body") == 2
    await subscribers.pool.execute("UPDATE company SET language = NULL")
    await subscribers.pool.execute("UPDATE instance SET default_language = 'fr'")
    result = await fire(stub, "invoice 2")
    last = (await subscribers.texts())[-1]
    assert message_ids(result) == [str(last["id"])]
    assert (last["language"], last["text"][:17]) == ("fr", "Northwind Fiber :")


async def test_the_zone_of_a_recipient_is_kept_with_what_told_it(
    stub: Stubs, subscribers: Subscribers
) -> None:
    account = await subscribers.add_account("1002", "+12125550111", region="US-CA")
    await subscribers.add_contact(account, "+12125550112", time_zone="America/Denver")
    await fire(stub)
    await fire(stub, "invoice 2", account_number="1002")
    found = {
        text["phone"]: (text["recipient_zones"], text["zone_source"])
        for text in await subscribers.texts()
    }
    assert found == {
        "+12125550101": ("America/New_York", 3),
        "+12125550111": ("America/Los_Angeles", 2),
        "+12125550112": ("America/Denver", 1),
    }
    queued = await subscribers.pool.fetch("SELECT zones FROM dispatch ORDER BY message_id")
    assert [row["zones"] for row in queued] == [
        text["recipient_zones"] for text in await subscribers.texts()
    ]


async def test_a_triggered_message_has_its_own_signature_and_sending_number(
    stub: Stubs, subscribers: Subscribers
) -> None:
    isp, pool = subscribers.isp, subscribers.pool
    signature = await add_signature(pool, isp.instance_id, isp.department_id, "Help", template=6)
    number = await pool.fetchval(
        "INSERT INTO sending_number (instance_id, e164, carrier, segments_per_second) "
        "VALUES ($1, '+12125550199', 'sandbox', 1) RETURNING id",
        isp.instance_id,
    )
    await pool.execute(
        "UPDATE triggered_message SET signature_id = $1, sending_number_id = $2", signature, number
    )
    await fire(stub)
    [text] = await subscribers.texts()
    assert text["sending_number_id"] == number
    assert "We're here to help! Call +12125550142. Email help@northwind.example." in text["text"]


async def test_an_expire_time_ends_the_wait_for_a_text(
    stub: Stubs, subscribers: Subscribers
) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=6)
    await fire(stub, expire_time=until)
    assert await subscribers.pool.fetchval("SELECT valid_until FROM dispatch") == until


async def test_an_account_is_told_by_id_or_by_number(stub: Stubs, subscribers: Subscribers) -> None:
    result = await fire(stub, account_id=str(subscribers.account_id))
    assert result.outcome == FIRED
    assert (await fire(stub, account_number=" 1001 ")).outcome == ALREADY_FIRED


async def test_a_repeat_is_answered_with_the_texts_of_the_first_time(
    stub: Stubs, subscribers: Subscribers
) -> None:
    first = await fire(stub)
    second = await fire(stub)
    assert (second.outcome, outcomes(second)) == (ALREADY_FIRED, [ALREADY_FIRED])
    assert message_ids(second) == message_ids(first)
    for table in ("message", "body", "dispatch", "status_event", "trigger_fire"):
        assert await subscribers.count(table) == 1, table


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE instance SET sms_enabled = false",
        "UPDATE signature SET triggered_default = false",
        "UPDATE sending_number SET enabled = false",
        "UPDATE triggered_message SET enabled = false",
        "UPDATE triggered_message SET count = 4",
        "UPDATE company SET enabled = false",
        "UPDATE phone_number SET sms_opt_in = false",
        "UPDATE account SET parent_account_id = id",
    ],
)
async def test_a_repeat_is_answered_so_whatever_has_changed_meanwhile(
    stub: Stubs, subscribers: Subscribers, change: str
) -> None:
    first = await fire(stub)
    await subscribers.pool.execute(change)
    second = await fire(stub)
    assert outcomes(second) == [ALREADY_FIRED]
    assert message_ids(second) == message_ids(first)


async def test_a_repeat_may_come_after_its_expire_time(
    stub: Stubs, subscribers: Subscribers
) -> None:
    first = await fire(stub)
    past = datetime.now(UTC) - timedelta(hours=1)
    assert message_ids(await fire(stub, expire_time=past)) == message_ids(first)


async def test_a_key_is_used_once_for_each_triggered_message(
    stub: Stubs, subscribers: Subscribers
) -> None:
    first = await fire(stub)
    await subscribers.add_triggered_message()
    second = await fire(stub)
    assert outcomes(second) == [ALREADY_FIRED, FIRED]
    assert message_ids(second)[:1] == message_ids(first)
    assert await subscribers.count() == 2


async def test_keys_of_different_cases_and_accounts_are_what_the_caller_makes_them(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await subscribers.add_account("1002", "+12125550111")
    assert (await fire(stub, "key")).outcome == FIRED
    assert (await fire(stub, "Key")).outcome == FIRED
    assert (await fire(stub, " key ")).outcome == ALREADY_FIRED
    assert (await fire(stub, "key", account_number="1002")).outcome == ALREADY_FIRED


async def test_everything_that_is_wrong_with_an_event_is_told_at_once(
    stub: Stubs, subscribers: Subscribers
) -> None:
    told = await failure(
        fire(
            stub,
            "k" * 201,
            account_number="",
            count=0,
            job_type="Installation",
            variables={"AMOUNT_DUE": "much", "COLOUR": "red"},
            expire_time=datetime.now(UTC) - timedelta(hours=1),
        )
    )
    assert (told.code, told.reason) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert sorted(told.violations) == [
        "event.account_number",
        "event.count",
        "event.event_key",
        "event.expire_time",
        "event.job_type",
        "event.variables.AMOUNT_DUE",
        "event.variables.COLOUR",
        "event.variables.DUE_DATE",
    ]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"trigger_type": ""}, "trigger_type"),
        ({"trigger_type": "NO_SUCH_TYPE"}, "trigger_type"),
        ({"trigger_type": "EMAIL_INVOICE"}, "trigger_type"),
        ({"account_id": "1001"}, "account_id"),
        ({"account_number": "10\x0001"}, "account_number"),
        ({"key": ""}, "event_key"),
        ({"key": "invoice\x00"}, "event_key"),
        ({"key": "invoice\n1"}, "event_key"),
        ({"count": 366}, "count"),
        ({"expire_time": datetime.now(UTC) + timedelta(days=8)}, "expire_time"),
    ],
)
async def test_a_wrong_field_is_refused_by_its_name(
    stub: Stubs, subscribers: Subscribers, fields: dict[str, Any], wrong: str
) -> None:
    told = await failure(fire(stub, **fields))
    assert told.code is Code.INVALID_ARGUMENT
    assert list(told.violations) == [f"event.{wrong}"]


async def test_an_event_without_an_account_is_refused(
    stub: Stubs, subscribers: Subscribers
) -> None:
    request = pb.FireTriggerRequest(event=event())
    request.event.ClearField("account_number")
    told = await failure(stub(TriggersStub).FireTrigger(request))
    assert list(told.violations) == ["event.account_id"]
    told = await failure(stub(TriggersStub).FireTrigger(pb.FireTriggerRequest()))
    assert sorted(told.violations) == ["event.account_id", "event.event_key", "event.trigger_type"]


async def test_a_text_that_would_be_too_long_is_refused_by_its_variables(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await subscribers.pool.execute("UPDATE signature SET template = 6")
    await subscribers.pool.execute("UPDATE company SET name = repeat('長', 300) WHERE is_default")
    await subscribers.pool.execute(
        "UPDATE company_department SET email_address = repeat('e', 400) || '@northwind.example'"
    )
    told = await failure(fire(stub, variables={**VARIABLES, "INVOICE_NUMBER": "7"}))
    assert told.code is Code.INVALID_ARGUMENT
    assert sorted(told.violations) == [
        "event.variables.AMOUNT_DUE",
        "event.variables.DUE_DATE",
        "event.variables.INVOICE_NUMBER",
    ]
    assert await subscribers.count() == await subscribers.count("trigger_fire") == 0


@pytest.mark.parametrize("name", ["account_id", "account_number"])
async def test_an_account_of_nobody_or_of_another_instance_is_not_found(
    stub: Stubs, subscribers: Subscribers, pool: Pool, other_instance: Tenant, name: str
) -> None:
    foreign = await make_subscribers(pool, other_instance.instance.id, "+12125550198")
    await pool.execute(
        "UPDATE account SET account_number = '2001' WHERE id = $1", foreign.account_id
    )
    unknown = str(uuid4()) if name == "account_id" else "no such number"
    theirs = str(foreign.account_id) if name == "account_id" else "2001"
    for given in (unknown, theirs):
        told = await failure(fire(stub, **{name: given}))
        assert (told.code, told.reason) == (Code.NOT_FOUND, "ACCOUNT_NOT_FOUND")
    assert await subscribers.count() == 0


async def test_instances_do_not_see_each_others_keys_and_triggered_messages(
    stub: Stubs, subscribers: Subscribers, pool: Pool, other_instance: Tenant
) -> None:
    foreign = await make_subscribers(pool, other_instance.instance.id, "+12125550198")
    mine = await fire(stub)
    request = pb.FireTriggerRequest(event=event())
    theirs = (await stub(TriggersStub, other_instance.key).FireTrigger(request)).result
    assert outcomes(mine) == outcomes(theirs) == [FIRED]
    assert message_ids(mine) != message_ids(theirs)
    owners = await pool.fetch("SELECT id, instance_id FROM message")
    assert {str(row["id"]): row["instance_id"] for row in owners} == {
        message_ids(mine)[0]: subscribers.isp.instance_id,
        message_ids(theirs)[0]: foreign.isp.instance_id,
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE instance SET sms_enabled = false", "SMS_DISABLED"),
        ("UPDATE signature SET triggered_default = false", "NO_SIGNATURE"),
        ("UPDATE sending_number SET enabled = false", "NO_SENDING_NUMBER"),
        ("UPDATE sending_number SET is_default = false", "NO_SENDING_NUMBER"),
    ],
)
async def test_nothing_is_made_without_what_sending_takes(
    stub: Stubs, subscribers: Subscribers, change: str, reason: str
) -> None:
    await subscribers.pool.execute(change)
    told = await failure(fire(stub))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, reason)
    assert await subscribers.count("trigger_fire") == 0


async def test_an_event_makes_all_its_texts_or_none(stub: Stubs, subscribers: Subscribers) -> None:
    disabled = await subscribers.pool.fetchval(
        "INSERT INTO sending_number (instance_id, e164, carrier, segments_per_second, enabled) "
        "VALUES ($1, '+12125550199', 'sandbox', 1, false) RETURNING id",
        subscribers.isp.instance_id,
    )
    await subscribers.add_triggered_message(sending_number_id=disabled)
    told = await failure(fire(stub))
    assert told.reason == "NO_SENDING_NUMBER"
    assert await subscribers.count() == await subscribers.count("trigger_fire") == 0


async def test_what_sending_takes_is_not_asked_for_where_nobody_is_texted(
    stub: Stubs, subscribers: Subscribers
) -> None:
    await subscribers.pool.execute("UPDATE signature SET triggered_default = false")
    await subscribers.pool.execute("UPDATE sending_number SET enabled = false")
    await subscribers.pool.execute("UPDATE phone_number SET sms_opt_in = false")
    assert (await fire(stub)).outcome == pb.FIRE_OUTCOME_NOBODY_OPTED_IN


async def test_values_are_only_ever_text(stub: Stubs, subscribers: Subscribers) -> None:
    value = "|AMOUNT_DUE|'); DROP TABLE message; -- {0} %s"
    await fire(stub, variables={**VARIABLES, "INVOICE_NUMBER": value})
    [text] = await subscribers.texts()
    assert f"Invoice {value}." in text["text"]


async def test_phone_numbers_and_values_are_in_no_error(
    stub: Stubs, subscribers: Subscribers
) -> None:
    told = await failure(
        fire(stub, account_number="12125550101", variables={**VARIABLES, "AMOUNT_DUE": "secret"})
    )
    assert "secret" not in told.message
    told = await failure(fire(stub, account_number="+12125550101"))
    assert "2125550101" not in f"{told.message} {told.metadata}"
