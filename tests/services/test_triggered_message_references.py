"""What triggered messages refer to: of the instance, and there as long as they are."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from outbound_sms.store import signatures as signature_store
from outbound_sms.store import triggered_messages as store
from outbound_sms.store.pool import Pool
from outboundsms.v1 import signatures_pb2
from outboundsms.v1.signatures_pb2_grpc import SignaturesStub
from outboundsms.v1.triggers_pb2_grpc import TriggersStub
from tests.factories import (
    Isp,
    add_category,
    add_signature,
    make_isp,
    make_triggered_message,
)
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant
from tests.services.triggered_message_calls import (
    PLAIN,
    change,
    create,
    delete,
    get,
    listed,
    new,
    transaction,
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


async def test_another_instance_sees_and_changes_none_of_it(
    triggers: Any, stub: Stubs, other_instance: Tenant
) -> None:
    made = await create(triggers, new())
    others = stub(TriggersStub, key=other_instance.key)
    for call in (
        get(others, made.triggered_message_id),
        change(others, made, name="Mine"),
        delete(others, made.triggered_message_id),
    ):
        told = await failure(call)
        assert (told.code, told.reason) == (Code.NOT_FOUND, "TRIGGERED_MESSAGE_NOT_FOUND")
    assert await listed(others) == []
    assert (await create(others, new())).name == made.name
    assert await get(triggers, made.triggered_message_id) == made


async def test_every_query_names_the_instance(pool: Pool, isp: Isp) -> None:
    other = await make_isp(pool, sender="+12125550199")
    id_ = await make_triggered_message(pool, isp, PLAIN)
    async with transaction(pool) as db:
        for instance_id, found in ((other.instance_id, False), (isp.instance_id, True)):
            hold = signature_store.lock_for_reference
            assert await hold(db, instance_id, isp.signature_id) is found
            assert bool(await store.get_triggered_message(db, instance_id, id_)) is found
            assert bool(await store.lock_triggered_message(db, instance_id, id_)) is found
            assert bool(await store.list_triggered_messages(db, instance_id, None, 9)) is found
            assert await store.delete_triggered_message(db, instance_id, id_) is found


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("signature_id", "SIGNATURE_NOT_FOUND"),
        ("sending_number_id", "SENDING_NUMBER_NOT_FOUND"),
        ("message_category_ids", "MESSAGE_CATEGORY_NOT_FOUND"),
    ],
)
async def test_what_is_named_must_be_of_the_instance(
    triggers: Any, pool: Pool, other_instance: Tenant, field: str, reason: str
) -> None:
    other = await make_isp(pool, instance_id=other_instance.instance.id)
    foreign = {
        "signature_id": other.signature_id,
        "sending_number_id": other.sending_number_id,
        "message_category_ids": await add_category(pool, other, "Theirs"),
    }[field]
    stored = await create(triggers, new(name="Stored"))
    for id_ in (foreign, uuid4()):
        value: Any = [str(id_)] if field == "message_category_ids" else str(id_)
        for call in (
            create(triggers, new(**{field: value})),
            change(triggers, stored, **{field: value}),
        ):
            told = await failure(call)
            assert (told.code, told.reason) == (Code.NOT_FOUND, reason)
    assert await listed(triggers) == ["Stored"]
    assert await get(triggers, stored.triggered_message_id) == stored


async def delete_signature(stub: Stubs, signature_id: UUID | str) -> None:
    request = signatures_pb2.DeleteSignatureRequest(signature_id=str(signature_id))
    await stub(SignaturesStub).DeleteSignature(request)


async def test_a_signature_that_is_named_cannot_be_deleted(
    triggers: Any, stub: Stubs, pool: Pool, isp: Isp
) -> None:
    signature_id = str(isp.signature_id)
    made = await create(triggers, new(signature_id=signature_id))
    told = await failure(delete_signature(stub, signature_id))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "IN_USE")
    assert told.metadata["used_by"] == "triggered_message" and told.metadata["id"]
    other = await add_signature(pool, isp.instance_id, isp.department_id, "Other")
    await change(triggers, made, signature_id=str(other))
    await delete_signature(stub, signature_id)
    told = await failure(delete_signature(stub, other))
    assert told.reason == "IN_USE"
    await delete(triggers, made.triggered_message_id)
    await delete_signature(stub, other)


async def test_a_deleted_signature_cannot_be_named(triggers: Any, stub: Stubs, isp: Isp) -> None:
    await delete_signature(stub, isp.signature_id)
    told = await failure(create(triggers, new(signature_id=str(isp.signature_id))))
    assert (told.code, told.reason) == (Code.NOT_FOUND, "SIGNATURE_NOT_FOUND")


async def test_a_signature_that_is_just_being_named_is_not_deleted(
    stub: Stubs, pool: Pool, isp: Isp
) -> None:
    async with transaction(pool) as naming:
        assert await signature_store.lock_for_reference(naming, isp.instance_id, isp.signature_id)
        deleting = asyncio.create_task(failure(delete_signature(stub, isp.signature_id)))
        await wait_until(lambda: waits_for_a_lock(pool), describe="the deletion waits")
        await make_triggered_message(naming, isp, PLAIN, signature_id=isp.signature_id)
    assert (await deleting).reason == "IN_USE"


async def test_a_signature_that_is_just_being_deleted_is_not_named(
    triggers: Any, pool: Pool, isp: Isp
) -> None:
    async with transaction(pool) as deleting:
        assert await signature_store.lock_signature(deleting, isp.instance_id, isp.signature_id)
        naming = asyncio.create_task(
            failure(create(triggers, new(signature_id=str(isp.signature_id))))
        )
        await wait_until(lambda: waits_for_a_lock(pool), describe="the one who names it waits")
        await signature_store.delete_signature(deleting, isp.instance_id, isp.signature_id)
    assert (await naming).reason == "SIGNATURE_NOT_FOUND"
