"""Trigger types and triggered messages, through real stubs."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from outbound_sms.domain.trigger_type import TRIGGER_TYPES
from outbound_sms.store import triggered_messages as store
from outbound_sms.store.pool import Pool
from outboundsms.v1 import language_pb2
from outboundsms.v1 import triggers_pb2 as pb
from outboundsms.v1.triggers_pb2_grpc import TriggersStub
from tests.factories import (
    Isp,
    add_category,
    add_sending_number,
    make_isp,
    make_triggered_message,
)
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant
from tests.services.triggered_message_calls import (
    PLAIN,
    WITH_COUNT,
    WITH_JOB_TYPE,
    WITHOUT_TEXT,
    change,
    create,
    default_categories,
    delete,
    get,
    is_violation,
    listed,
    new,
    transaction,
    update,
    waits_for_a_lock,
)
from tests.waiting import wait_until

Code = grpc.StatusCode


@pytest.fixture
async def isp(pool: Pool, instance: Tenant) -> Isp:
    """A signature and a sending number, neither of them the default for triggered messages."""
    return await make_isp(pool, instance_id=instance.instance.id)


@pytest.fixture
def triggers(stub: Stubs) -> Any:
    return stub(TriggersStub)


async def test_the_catalogue_has_25_trigger_types_of_which_19_are_texted(triggers: Any) -> None:
    answer = await triggers.ListTriggerTypes(pb.ListTriggerTypesRequest())
    found = {each.key: each for each in answer.trigger_types}
    assert list(found) == list(TRIGGER_TYPES) and len(found) == 25
    assert sum(each.supports_sms for each in found.values()) == 19
    for each in found.values():
        assert each.name and each.fires_when, each.key
        assert bool(each.no_sms_reason) is not each.supports_sms, each.key
        languages = [text.language for text in each.texts if text.text]
        both = [language_pb2.LANGUAGE_EN, language_pb2.LANGUAGE_FR]
        assert languages == (both if each.supports_sms else []), each.key
    assert found[WITH_COUNT].count_unit == pb.COUNT_UNIT_DAYS
    assert found[PLAIN].count_unit == pb.COUNT_UNIT_UNSPECIFIED
    assert [key for key, each in found.items() if each.has_job_type] == [WITH_JOB_TYPE]


async def test_a_trigger_type_says_what_an_event_of_it_carries(triggers: Any) -> None:
    answer = await triggers.ListTriggerTypes(pb.ListTriggerTypesRequest())
    for shown in answer.trigger_types:
        kept = TRIGGER_TYPES[shown.key].variables
        assert [
            (each.name, each.kind, each.required, each.description) for each in shown.variables
        ] == [(each.name, each.kind, each.required, each.description) for each in kept]
        assert all(each.description and each.kind for each in shown.variables)


async def test_a_triggered_message_reads_back_as_it_was_created(
    triggers: Any, pool: Pool, isp: Isp
) -> None:
    category = await add_category(pool, isp, "Billing")
    made = await create(
        triggers,
        new(
            WITH_COUNT,
            "  Due %s {0} soon ",
            enabled=True,
            count=3,
            signature_id=str(isp.signature_id),
            sending_number_id=str(isp.sending_number_id),
            allow_child_accounts=True,
            message_category_ids=[str(category)],
        ),
    )
    assert made.name == "Due %s {0} soon"
    assert made.enabled and made.allow_child_accounts and made.count == 3
    assert made.signature_id == str(isp.signature_id)
    assert made.sending_number_id == str(isp.sending_number_id)
    assert made.message_category_ids == [str(category)]
    assert made.etag and made.HasField("create_time")
    assert await get(triggers, made.triggered_message_id) == made
    answer = await triggers.ListTriggeredMessages(pb.ListTriggeredMessagesRequest())
    assert list(answer.triggered_messages) == [made]


async def test_what_is_left_out_is_off_or_the_default(triggers: Any, pool: Pool, isp: Isp) -> None:
    await add_category(pool, isp, "Marketing")
    made = await create(triggers, new())
    assert not made.enabled and not made.allow_child_accounts
    assert not made.HasField("count") and not made.job_type
    assert not made.signature_id and not made.sending_number_id
    defaults = await default_categories(pool, isp.instance_id)
    assert len(defaults) == 2 and made.message_category_ids == defaults


async def test_output_fields_of_a_new_one_are_ignored(triggers: Any) -> None:
    given = new(triggered_message_id="mine", etag="mine")
    given.create_time.seconds = 1
    made = await create(triggers, given)
    assert made.triggered_message_id != "mine" and made.create_time.seconds > 1


async def test_a_repeated_create_makes_one(triggers: Any) -> None:
    request_id = str(uuid4())
    answers = await asyncio.gather(*(create(triggers, new(), request_id) for _ in range(10)))
    assert len({answer.triggered_message_id for answer in answers}) == 1
    assert await listed(triggers) == ["Dunning"]
    told = await failure(create(triggers, new(name="Other"), request_id))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "REQUEST_ID_REUSED")


async def test_everything_wrong_with_a_new_one_is_told_at_once(triggers: Any) -> None:
    bad = new(
        WITH_COUNT,
        "a\tb" * 50,
        count=366,
        job_type="Install",
        signature_id="short",
        sending_number_id="main",
        message_category_ids=["x", str(uuid4()), "y"],
    )
    told = await failure(create(triggers, bad, "again"))
    assert is_violation(
        told,
        "request_id",
        "triggered_message.name",
        "triggered_message.count",
        "triggered_message.job_type",
        "triggered_message.signature_id",
        "triggered_message.sending_number_id",
        "triggered_message.message_category_ids[0]",
        "triggered_message.message_category_ids[2]",
    )
    told = await failure(create(triggers, pb.TriggeredMessage()))
    assert is_violation(told, "triggered_message.name", "triggered_message.trigger_type")
    assert await listed(triggers) == []


@pytest.mark.parametrize("key", [key for key, each in TRIGGER_TYPES.items() if each.supports_sms])
async def test_every_trigger_type_with_a_text_can_be_configured(triggers: Any, key: str) -> None:
    trigger = TRIGGER_TYPES[key]
    given = new(key, job_type="Install" if trigger.has_job_type else "")
    if trigger.count_unit is not None:
        given.count = 1
    made = await create(triggers, given)
    assert (made.trigger_type, made.job_type) == (key, given.job_type)


async def test_a_trigger_type_without_a_text_is_refused_with_why(triggers: Any) -> None:
    told = await failure(create(triggers, new(WITHOUT_TEXT)))
    assert is_violation(told, "triggered_message.trigger_type")
    assert TRIGGER_TYPES[WITHOUT_TEXT].no_sms_reason in told.message
    told = await failure(create(triggers, new("METEOR_STRIKES")))
    assert is_violation(told, "triggered_message.trigger_type")
    assert "ListTriggerTypes" in told.message


@pytest.mark.parametrize(
    ("trigger_type", "fields", "wrong"),
    [
        (WITH_COUNT, {}, "count"),
        (WITH_COUNT, {"count": 0}, "count"),
        (WITH_COUNT, {"count": -1}, "count"),
        (WITH_COUNT, {"count": 366}, "count"),
        ("CREDIT_CARD_EXPIRING", {"count": 13}, "count"),
        ("ACCOUNT_AT_X_PERCENTAGE_OF_BANDWIDTH_CAP", {"count": 1001}, "count"),
        (PLAIN, {"count": 3}, "count"),
        (PLAIN, {"job_type": "Install"}, "job_type"),
        (WITH_JOB_TYPE, {}, "job_type"),
        (WITH_JOB_TYPE, {"job_type": "  "}, "job_type"),
        (WITH_JOB_TYPE, {"job_type": "x" * 101}, "job_type"),
        (WITH_JOB_TYPE, {"job_type": "In\x00stall"}, "job_type"),
        (WITH_JOB_TYPE, {"job_type": "Install", "count": 1}, "count"),
    ],
)
async def test_count_and_job_type_must_suit_the_trigger_type(
    triggers: Any, trigger_type: str, fields: dict[str, Any], wrong: str
) -> None:
    told = await failure(create(triggers, new(trigger_type, **fields)))
    assert is_violation(told, f"triggered_message.{wrong}")
    assert await listed(triggers) == []


async def test_a_job_type_is_kept_without_the_space_around_it(triggers: Any) -> None:
    made = await create(triggers, new(WITH_JOB_TYPE, job_type=" Install  "))
    assert made.job_type == "Install"


async def test_names_are_unique_and_free_again_after_a_delete(triggers: Any) -> None:
    made = await create(triggers, new())
    told = await failure(create(triggers, new(WITH_COUNT, " Dunning ", count=1)))
    assert (told.code, told.reason) == (Code.ALREADY_EXISTS, "NAME_TAKEN")
    assert told.metadata == {"name": "Dunning"}
    other = await create(triggers, new(name="Other"))
    told = await failure(change(triggers, other, name="Dunning"))
    assert (told.code, told.reason) == (Code.ALREADY_EXISTS, "NAME_TAKEN")
    await delete(triggers, made.triggered_message_id)
    await change(triggers, other, name="Dunning")


async def test_of_equal_names_at_once_one_is_created(triggers: Any) -> None:
    answers = await asyncio.gather(
        *(create(triggers, new()) for _ in range(8)), return_exceptions=True
    )
    codes = [each.code() for each in answers if isinstance(each, grpc.aio.AioRpcError)]
    assert codes == [Code.ALREADY_EXISTS] * 7
    assert await listed(triggers) == ["Dunning"]


async def test_categories_are_kept_once_and_in_their_order(
    triggers: Any, pool: Pool, isp: Isp
) -> None:
    one, two = [str(await add_category(pool, isp, name)) for name in ("One", "Two")]
    made = await create(triggers, new(message_category_ids=[two, one, two, one.upper()]))
    assert made.message_category_ids == [two, one]


async def test_no_more_than_100_categories_can_be_named(
    triggers: Any, pool: Pool, isp: Isp
) -> None:
    ids = [str(await add_category(pool, isp, f"C{n}")) for n in range(101)]
    field = "triggered_message.message_category_ids"
    told = await failure(create(triggers, new(message_category_ids=ids)))
    assert is_violation(told, field)
    made = await create(triggers, new(message_category_ids=ids[:100]))
    assert made.message_category_ids == ids[:100]
    assert is_violation(await failure(change(triggers, made, message_category_ids=ids)), field)


@pytest.mark.parametrize("defaults", [0, 101])
async def test_without_fitting_default_categories_some_must_be_named(
    triggers: Any, pool: Pool, isp: Isp, defaults: int
) -> None:
    stored = await create(triggers, new(name="Stored"))
    await pool.execute("UPDATE message_category SET is_default = false")
    await pool.execute(
        "INSERT INTO message_category (instance_id, name, is_default) "
        "SELECT $1, 'D' || n, true FROM generate_series(1, $2::int) n",
        isp.instance_id,
        defaults,
    )
    for call in (create(triggers, new()), change(triggers, stored, message_category_ids=[])):
        told = await failure(call)
        assert is_violation(told, "triggered_message.message_category_ids")
        assert f"{defaults} default categories" in told.message
    named = str(await add_category(pool, isp, "Named"))
    made = await create(triggers, new(message_category_ids=[named]))
    assert made.message_category_ids == [named]


async def test_a_disabled_sending_number_can_be_named(triggers: Any, pool: Pool, isp: Isp) -> None:
    number = str(await add_sending_number(pool, isp.instance_id, "+12125550101", enabled=False))
    made = await create(triggers, new(sending_number_id=number))
    assert made.sending_number_id == number
    other = await create(triggers, new(name="Other"))
    assert (await change(triggers, other, sending_number_id=number)).sending_number_id == number


async def test_an_update_changes_what_the_mask_names_and_nothing_else(
    triggers: Any, isp: Isp
) -> None:
    made = await create(triggers, new(WITH_COUNT, count=3, enabled=True))
    wanted = pb.TriggeredMessage(
        triggered_message_id=made.triggered_message_id,
        name="Renamed",
        etag=made.etag,
        count=5,
        allow_child_accounts=True,
        signature_id=str(isp.signature_id),
    )
    updated = await update(triggers, wanted, "name", "count")
    expected = pb.TriggeredMessage()
    expected.CopyFrom(made)
    expected.name, expected.count, expected.etag = "Renamed", 5, updated.etag
    assert updated == expected and updated.etag != made.etag
    assert await get(triggers, made.triggered_message_id) == updated


async def test_every_field_that_can_be_changed_is(triggers: Any, pool: Pool, isp: Isp) -> None:
    category = str(await add_category(pool, isp, "Billing"))
    made = await create(triggers, new(WITH_JOB_TYPE, job_type="Install"))
    fields: dict[str, Any] = {
        "name": "Repair",
        "enabled": True,
        "job_type": "Repair",
        "signature_id": str(isp.signature_id),
        "sending_number_id": str(isp.sending_number_id),
        "allow_child_accounts": True,
        "message_category_ids": [category],
    }
    updated = await change(triggers, made, **fields)
    assert {name: getattr(updated, name) for name in fields} == fields
    cleared = await update(
        triggers,
        pb.TriggeredMessage(triggered_message_id=made.triggered_message_id),
        *("enabled", "signature_id", "sending_number_id", "message_category_ids"),
    )
    assert not cleared.enabled and not cleared.signature_id and not cleared.sending_number_id
    assert cleared.message_category_ids == await default_categories(pool, isp.instance_id)
    assert cleared.job_type == "Repair" and cleared.allow_child_accounts


async def test_the_trigger_type_cannot_be_changed(triggers: Any) -> None:
    made = await create(triggers, new())
    told = await failure(change(triggers, made, trigger_type=WITH_COUNT))
    assert is_violation(told, "update_mask")
    assert "make another" in told.message and "is empty" not in told.message
    told = await failure(change(triggers, made, trigger_type=PLAIN, name="Renamed"))
    assert is_violation(told, "update_mask")
    assert await get(triggers, made.triggered_message_id) == made


async def test_count_and_job_type_must_suit_the_stored_trigger_type(triggers: Any) -> None:
    counted = await create(triggers, new(WITH_COUNT, "Counted", count=3))
    job = await create(triggers, new(WITH_JOB_TYPE, "Job", job_type="Install"))
    for stored, field, value in (
        (counted, "count", 366),
        (counted, "job_type", "Install"),
        (job, "count", 1),
        (job, "job_type", " "),
    ):
        told = await failure(change(triggers, stored, **{field: value}))
        assert is_violation(told, f"triggered_message.{field}"), field
    bare = pb.TriggeredMessage(triggered_message_id=counted.triggered_message_id)
    assert is_violation(await failure(update(triggers, bare, "count")), "triggered_message.count")
    assert await get(triggers, counted.triggered_message_id) == counted


async def test_everything_wrong_with_an_update_is_told_at_once(triggers: Any) -> None:
    told = await failure(triggers.UpdateTriggeredMessage(pb.UpdateTriggeredMessageRequest()))
    assert is_violation(told, "update_mask", "triggered_message.triggered_message_id")
    made = await create(triggers, new(WITH_COUNT, count=3))
    wanted = pb.TriggeredMessage(
        triggered_message_id=made.triggered_message_id,
        etag="new",
        count=-1,
        job_type="Install",
        signature_id="x",
        sending_number_id="y",
        message_category_ids=["z"],
    )
    fields = ("name", "count", "job_type", "signature_id", "sending_number_id")
    told = await failure(
        update(triggers, wanted, *fields, "message_category_ids", "trigger_type", "create_time")
    )
    assert is_violation(
        told,
        "update_mask",
        "triggered_message.etag",
        "triggered_message.message_category_ids[0]",
        *(f"triggered_message.{field}" for field in fields),
    )
    assert await get(triggers, made.triggered_message_id) == made


async def test_an_update_of_what_was_changed_meanwhile_is_refused(triggers: Any) -> None:
    made = await create(triggers, new())
    updated = await change(triggers, made, enabled=True)
    told = await failure(change(triggers, made, name="Late"))
    assert (told.code, told.reason) == (Code.ABORTED, "ETAG_MISMATCH")
    assert told.metadata == {"etag": updated.etag}
    made.ClearField("etag")
    assert (await change(triggers, made, name="Whatever")).name == "Whatever"


async def test_an_update_that_waited_for_another_finds_its_etag_stale(
    triggers: Any, pool: Pool, isp: Isp
) -> None:
    made = await create(triggers, new())
    id_ = UUID(made.triggered_message_id)
    async with transaction(pool) as faster:
        stored = await store.lock_triggered_message(faster, isp.instance_id, id_)
        assert stored is not None
        late = asyncio.create_task(failure(change(triggers, made, name="Late")))
        await wait_until(lambda: waits_for_a_lock(pool), describe="the later update waits")
        await store.update_triggered_message(
            faster, isp.instance_id, replace(stored, name="Faster")
        )
    assert (await late).reason == "ETAG_MISMATCH"
    assert (await get(triggers, id_)).name == "Faster"


async def test_what_is_deleted_is_gone(triggers: Any, pool: Pool) -> None:
    made = await create(triggers, new())
    id_ = made.triggered_message_id
    await delete(triggers, id_)
    for call in (delete(triggers, id_), get(triggers, id_), change(triggers, made, name="X")):
        told = await failure(call)
        assert (told.code, told.reason) == (Code.NOT_FOUND, "TRIGGERED_MESSAGE_NOT_FOUND")
    assert await listed(triggers) == []
    # Its texts keep its name.
    assert await pool.fetchval("SELECT name FROM triggered_message WHERE id = $1", UUID(id_))


async def test_pages_hold_every_one_of_a_trigger_type_once_and_oldest_first(
    triggers: Any,
) -> None:
    for n in range(5):
        await create(triggers, new(WITH_COUNT, f"C{n}", count=n + 1))
        await create(triggers, new(PLAIN, f"P{n}"))
    for trigger_type, expected in (
        (WITH_COUNT, [f"C{n}" for n in range(5)]),
        ("", [f"{letter}{n}" for n in range(5) for letter in "CP"]),
    ):
        names, token = [], ""
        while True:
            request = pb.ListTriggeredMessagesRequest(
                page_size=2, page_token=token, trigger_type=trigger_type
            )
            answer = await triggers.ListTriggeredMessages(request)
            names += [each.name for each in answer.triggered_messages]
            token = answer.next_page_token
            if not token:
                break
        assert names == expected
    assert await listed(triggers, trigger_type=WITH_JOB_TYPE) == []


async def test_a_list_of_an_unknown_trigger_type_is_refused(triggers: Any) -> None:
    told = await failure(listed(triggers, trigger_type="METEOR_STRIKES"))
    assert is_violation(told, "trigger_type")


async def test_a_page_token_belongs_to_its_trigger_type(triggers: Any) -> None:
    for n in range(2):
        await create(triggers, new(PLAIN, f"P{n}"))
    request = pb.ListTriggeredMessagesRequest(page_size=1, trigger_type=PLAIN)
    token = (await triggers.ListTriggeredMessages(request)).next_page_token
    told = await failure(listed(triggers, trigger_type=WITH_COUNT, page_token=token))
    assert told.reason == "PAGE_TOKEN_INVALID"


async def test_all_of_some_trigger_types_are_found_oldest_first(pool: Pool, isp: Isp) -> None:
    made = [
        await make_triggered_message(pool, isp, key, enabled=enabled, count=count)
        for key, enabled, count in (
            (WITH_COUNT, True, 3),
            (PLAIN, False, None),
            (WITH_JOB_TYPE, True, None),
            (WITH_COUNT, True, 5),
        )
    ]
    gone = await make_triggered_message(pool, isp, PLAIN)
    assert await store.delete_triggered_message(pool, isp.instance_id, gone)
    other = await make_isp(pool, sender="+12125550199")
    await make_triggered_message(pool, other, PLAIN)
    found = await store.list_for_types(pool, isp.instance_id, [PLAIN, WITH_COUNT])
    assert [each.id for each in found] == [made[0], made[1], made[3]]
    assert [(each.enabled, each.count, each.job_type) for each in found] == [
        (True, 3, ""),
        (False, None, ""),
        (True, 5, ""),
    ]
    assert await store.list_for_types(pool, isp.instance_id, []) == []
