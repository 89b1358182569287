"""What GetAccount shows beside the account: the quiet hours, and what its people were texted."""

from uuid import UUID, uuid4

import grpc
import pytest

from outbound_sms.store.pool import Pool
from outboundsms.v1 import access_pb2, delivery_pb2
from outboundsms.v1 import directory_pb2 as pb
from outboundsms.v1.access_pb2_grpc import AccessStub
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from outboundsms.v1.directory_pb2_grpc import DirectoryStub
from outboundsms.v1.permission_pb2 import (
    PERMISSION_READ_DIRECTORY,
    PERMISSION_READ_SMS_OUTBOUND_MESSAGE,
    Permission,
)
from tests.services.failures import failure
from tests.services.quiet import set_quiet
from tests.services.running import Stubs, Tenant
from tests.services.sent import Outbox, make_outbox


@pytest.fixture
async def outbox(pool: Pool, instance: Tenant) -> Outbox:
    return await make_outbox(pool, instance.instance.id)


def by_id(account_id: UUID, *, include: bool = True) -> pb.GetAccountRequest:
    return pb.GetAccountRequest(account_id=str(account_id), include_correspondence=include)


async def make_key(stub: Stubs, name: str, *permissions: Permission.ValueType) -> str:
    """A key whose role has these permissions only."""
    access = stub(AccessStub)
    role = access_pb2.Role(name=name, permissions=permissions)
    made = await access.CreateRole(access_pb2.CreateRoleRequest(role=role))
    api_key = access_pb2.ApiKey(name=name, role_id=made.role.role_id)
    answer = await access.CreateApiKey(access_pb2.CreateApiKeyRequest(api_key=api_key))
    return str(answer.secret)


async def test_the_quiet_hours_are_always_shown(stub: Stubs, outbox: Outbox, pool: Pool) -> None:
    ends = await set_quiet(pool, outbox.isp.instance_id)
    for include in (True, False):
        found = await stub(DirectoryStub).GetAccount(by_id(outbox.account_id, include=include))
        assert found.quiet_hours.in_force
        assert found.quiet_hours.end_time == f"{ends:%H:%M}"
    by_number = await stub(DirectoryStub).GetAccount(pb.GetAccountRequest(account_number="1001"))
    assert by_number.quiet_hours.time_zone == "UTC"
    assert not by_number.correspondence


async def test_the_correspondence_is_what_the_list_shows_of_the_account(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    await set_quiet(pool, outbox.isp.instance_id)
    sent = [await outbox.add() for _ in range(51)]
    await outbox.add(account_id=uuid4())
    sent.append(await outbox.add_triggered())
    found = await stub(DirectoryStub).GetAccount(by_id(outbox.account_id))
    assert [each.message_id for each in found.correspondence] == [str(id_) for id_ in sent[:1:-1]]
    listed = await stub(DeliveryStub).ListMessages(
        delivery_pb2.ListMessagesRequest(account_id=str(outbox.account_id))
    )
    assert list(found.correspondence) == list(listed.messages)
    assert found.correspondence[0].hold.reason == delivery_pb2.HOLD_REASON_QUIET_HOURS
    without = await stub(DirectoryStub).GetAccount(by_id(outbox.account_id, include=False))
    assert without.account == found.account
    assert not without.correspondence


async def test_the_correspondence_has_the_answers_to_keywords_of_a_contact_that_is_unknown(
    stub: Stubs, outbox: Outbox, pool: Pool
) -> None:
    reply = await outbox.add_reply()
    await pool.execute("UPDATE message SET account_id = $1", outbox.account_id)
    [shown] = (await stub(DirectoryStub).GetAccount(by_id(outbox.account_id))).correspondence
    assert (shown.message_id, shown.recipient_name) == (str(reply), "")


async def test_the_correspondence_needs_the_permission_to_read_messages(
    stub: Stubs, outbox: Outbox
) -> None:
    await outbox.add()
    directory_only = await make_key(stub, "directory", PERMISSION_READ_DIRECTORY)
    both = await make_key(
        stub, "both", PERMISSION_READ_DIRECTORY, PERMISSION_READ_SMS_OUTBOUND_MESSAGE
    )
    for account in (outbox.account_id, uuid4()):
        told = await failure(stub(DirectoryStub, directory_only).GetAccount(by_id(account)))
        assert told.code is grpc.StatusCode.PERMISSION_DENIED
        assert told.reason == "PERMISSION_MISSING"
        assert told.metadata["permission"] == "READ_SMS_OUTBOUND_MESSAGE"
    allowed = by_id(outbox.account_id, include=False)
    assert (await stub(DirectoryStub, directory_only).GetAccount(allowed)).account.name
    found = await stub(DirectoryStub, both).GetAccount(by_id(outbox.account_id))
    assert len(found.correspondence) == 1


async def test_nothing_of_another_instance_is_shown(
    stub: Stubs, outbox: Outbox, other_instance: Tenant
) -> None:
    await outbox.add()
    theirs = stub(DirectoryStub, other_instance.key)
    told = await failure(theirs.GetAccount(by_id(outbox.account_id)))
    assert (told.code, told.reason) == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
