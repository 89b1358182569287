"""How keys end: revoked, expired or rotated; what ends with them; and when they were last used."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from outbound_sms.rpc.key_uses import KeyUses
from outbound_sms.rpc.limits import Limits
from outbound_sms.store.pool import Pool
from outboundsms.v1 import access_pb2 as pb
from outboundsms.v1 import delivery_pb2
from outboundsms.v1.access_pb2_grpc import AccessStub
from outboundsms.v1.delivery_pb2_grpc import DeliveryStub
from outboundsms.v1.directory_pb2_grpc import DirectoryStub
from outboundsms.v1.permission_pb2 import PERMISSION_MANAGE_ACCESS
from outboundsms.v1.triggers_pb2_grpc import TriggersStub
from tests.services.access_calls import add_key, add_role, first_role, make_key_with, update_role
from tests.services.failures import failure, failure_of
from tests.services.running import Stubs, Tenant, run_server
from tests.waiting import wait_until

Code = grpc.StatusCode
SECONDS = 5.0


def watch(stubs: Stubs, key: str) -> Any:
    """An open WatchMessages."""
    return stubs(DeliveryStub, key).WatchMessages(delivery_pb2.WatchMessagesRequest())


def fire(stubs: Stubs, key: str) -> Any:
    """An open FireTriggers."""
    return stubs(TriggersStub, key).FireTriggers()


def import_rows(stubs: Stubs, key: str) -> Any:
    """An open Import."""
    return stubs(DirectoryStub, key).Import()


OPENED = pytest.mark.parametrize("opened", [watch, fire, import_rows])


async def is_refused(access: Any) -> bool:
    """Whether the key of this stub does not open anything any more."""
    try:
        await access.ListPermissions(pb.ListPermissionsRequest())
    except grpc.aio.AioRpcError as error:
        told = failure_of(error)
        return (told.code, told.reason) == (Code.UNAUTHENTICATED, "API_KEY_INVALID")
    return False


async def how_it_ends(call: Any) -> tuple[grpc.StatusCode, str]:
    """Reads an open stream to its end, which must be an error."""
    try:
        while await call.read() is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError as error:
        told = failure_of(error)
        return told.code, told.reason
    raise AssertionError("the stream ended well")


@asynccontextmanager
async def open_stream(
    opened: Callable[[Stubs, str], Any], stubs: Stubs, key: str
) -> AsyncIterator["asyncio.Task[tuple[grpc.StatusCode, str]]"]:
    """A stream that has passed the gate, as the task that reads how it ends."""
    call = opened(stubs, key)
    await call.wait_for_connection()
    reading = asyncio.create_task(how_it_ends(call))
    # A refusal would come at once.
    await asyncio.wait([reading], timeout=0.2)
    assert not reading.done()
    yield reading
    reading.cancel()
    call.cancel()


def rotate(access: Any, api_key_id: str, overlap: Duration | None = None) -> Any:
    return access.RotateApiKey(pb.RotateApiKeyRequest(api_key_id=api_key_id, overlap=overlap))


async def test_a_revoked_key_is_refused_within_five_seconds_and_stays_revoked(stub: Stubs) -> None:
    made = await add_key(stub(AccessStub), (await first_role(stub(AccessStub))).role_id)
    theirs = stub(AccessStub, made.secret)
    await theirs.ListRoles(pb.ListRolesRequest())
    request = pb.RevokeApiKeyRequest(api_key_id=made.api_key.api_key_id)
    first = (await stub(AccessStub).RevokeApiKey(request)).api_key
    revoked = time.monotonic()

    await wait_until(partial(is_refused, theirs), timeout=SECONDS)
    assert time.monotonic() - revoked < SECONDS
    again = (await stub(AccessStub).RevokeApiKey(request)).api_key
    first.ClearField("last_use_time")
    again.ClearField("last_use_time")
    assert again == first
    assert first.HasField("revoke_time")


@OPENED
async def test_the_streams_of_a_revoked_key_end_within_five_seconds(
    stub: Stubs, opened: Callable[[Stubs, str], Any]
) -> None:
    access = stub(AccessStub)
    made = await add_key(access, (await first_role(access)).role_id)
    async with open_stream(opened, stub, made.secret) as reading:
        await access.RevokeApiKey(pb.RevokeApiKeyRequest(api_key_id=made.api_key.api_key_id))
        ended = await asyncio.wait_for(reading, SECONDS)
    assert ended == (Code.UNAUTHENTICATED, "API_KEY_INVALID")


async def test_the_streams_that_a_role_may_not_have_any_more_end_within_five_seconds(
    stub: Stubs,
) -> None:
    access = stub(AccessStub)
    role = await add_role(access, "Deputy", super_admin=True)
    key = (await add_key(access, role.role_id)).secret
    async with open_stream(watch, stub, key) as reading:
        await update_role(access, pb.Role(role_id=role.role_id), "super_admin")
        ended = await asyncio.wait_for(reading, SECONDS)
    assert ended == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")


async def test_a_key_that_was_just_revoked_makes_no_other_key(stub: Stubs) -> None:
    admin = stub(AccessStub)
    role_id = (await first_role(admin)).role_id
    made = await add_key(admin, role_id)
    theirs = stub(AccessStub, made.secret)
    await theirs.ListRoles(pb.ListRolesRequest())
    await admin.RevokeApiKey(pb.RevokeApiKeyRequest(api_key_id=made.api_key.api_key_id))
    own = await first_key_id(admin)
    for call in (
        add_key(theirs, role_id),
        rotate(theirs, own),
        add_role(theirs, "Mine"),
        theirs.RevokeApiKey(pb.RevokeApiKeyRequest(api_key_id=own)),
    ):
        told = await failure(call)
        assert (told.code, told.reason) == (Code.UNAUTHENTICATED, "API_KEY_INVALID")
    keys = (await admin.ListApiKeys(pb.ListApiKeysRequest())).api_keys
    assert [key.HasField("revoke_time") for key in keys] == [False, True]


async def first_key_id(access: Any) -> str:
    listed: pb.ListApiKeysResponse = await access.ListApiKeys(pb.ListApiKeysRequest(page_size=1))
    return listed.api_keys[0].api_key_id


async def test_a_key_ends_when_it_expires(stub: Stubs) -> None:
    access = stub(AccessStub)
    wanted = pb.ApiKey(name="Short", role_id=(await first_role(access)).role_id)
    wanted.expire_time.FromDatetime(datetime.now(UTC) + timedelta(seconds=0.5))
    made = await access.CreateApiKey(pb.CreateApiKeyRequest(api_key=wanted))
    assert made.api_key.expire_time == wanted.expire_time
    theirs = stub(AccessStub, made.secret)
    await theirs.ListRoles(pb.ListRolesRequest())
    await wait_until(partial(is_refused, theirs), timeout=SECONDS)
    assert made.api_key.expire_time.ToDatetime(UTC) <= datetime.now(UTC)


async def test_both_keys_of_a_rotation_work_and_then_only_the_new_one(stub: Stubs) -> None:
    access = stub(AccessStub)
    role = await add_role(access, "Administrator", PERMISSION_MANAGE_ACCESS)
    made = await add_key(access, role.role_id, "billing")
    old = made.api_key
    await stub(AccessStub, made.secret).ListRoles(pb.ListRolesRequest())
    before = datetime.now(UTC)
    rotated = await rotate(access, old.api_key_id, Duration(seconds=1))
    new = rotated.api_key
    assert (new.name, new.role_id) == ("billing", role.role_id)
    assert new.api_key_id != old.api_key_id
    assert not new.HasField("expire_time")
    assert rotated.old_api_key.api_key_id == old.api_key_id
    left = rotated.old_api_key.expire_time.ToDatetime(UTC) - before
    assert timedelta(seconds=0.5) < left < timedelta(seconds=2)
    listed = (await access.ListApiKeys(pb.ListApiKeysRequest())).api_keys
    assert list(listed)[-2:] == [rotated.old_api_key, new]

    theirs = [stub(AccessStub, secret) for secret in (made.secret, rotated.secret)]
    for each in theirs:
        await each.ListRoles(pb.ListRolesRequest())
    await wait_until(partial(is_refused, theirs[0]), timeout=SECONDS)
    assert len((await theirs[1].ListRoles(pb.ListRolesRequest())).roles) == 2


async def test_a_rotation_leaves_a_day_or_what_is_asked_and_never_more_than_there_was(
    stub: Stubs,
) -> None:
    access = stub(AccessStub)
    role_id = (await first_role(access)).role_id

    async def left(wanted: pb.ApiKey, overlap: Duration | None) -> timedelta:
        made = await access.CreateApiKey(pb.CreateApiKeyRequest(api_key=wanted))
        rotated = await rotate(access, made.api_key.api_key_id, overlap)
        end: datetime = rotated.old_api_key.expire_time.ToDatetime(UTC)
        return end - datetime.now(UTC)

    for_ever = pb.ApiKey(name="For ever", role_id=role_id)
    hour = pb.ApiKey(name="An hour", role_id=role_id)
    hour.expire_time.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    minute = timedelta(minutes=1)
    assert abs(await left(for_ever, None) - timedelta(hours=24)) < minute
    assert abs(await left(for_ever, Duration(seconds=30 * 86_400)) - timedelta(days=30)) < minute
    assert await left(for_ever, Duration()) < timedelta(seconds=1)
    assert abs(await left(hour, None) - timedelta(hours=1)) < minute
    assert await left(hour, Duration(nanos=5_000)) < timedelta(seconds=1)


@pytest.mark.parametrize(
    "overlap",
    [
        Duration(seconds=-1),
        Duration(nanos=-1),
        Duration(seconds=30 * 86_400, nanos=1_000),
        Duration(seconds=30 * 86_400 + 1),
        Duration(nanos=2**31 - 1),
        Duration(seconds=2**62),
    ],
)
async def test_an_overlap_is_nothing_to_thirty_days(stub: Stubs, overlap: Duration) -> None:
    access = stub(AccessStub)
    told = await failure(rotate(access, "x", overlap))
    assert told.violations.keys() == {"api_key_id", "overlap"}
    assert len((await access.ListApiKeys(pb.ListApiKeysRequest())).api_keys) == 1


async def test_a_key_that_has_ended_cannot_be_rotated(stub: Stubs, pool: Pool) -> None:
    access = stub(AccessStub)
    role = await first_role(access)
    revoked, expired = [(await add_key(access, role.role_id)).api_key for _ in range(2)]
    await access.RevokeApiKey(pb.RevokeApiKeyRequest(api_key_id=revoked.api_key_id))
    await pool.execute(
        "UPDATE api_key SET expire_time = clock_timestamp() WHERE id = $1",
        UUID(expired.api_key_id),
    )
    for key in (revoked, expired):
        told = await failure(rotate(access, key.api_key_id))
        assert told.violations.keys() == {"api_key_id"}
    assert len((await access.ListApiKeys(pb.ListApiKeysRequest())).api_keys) == 3


async def test_nobody_rotates_a_key_that_may_do_more_than_they(
    stub: Stubs, other_instance: Tenant
) -> None:
    access = stub(AccessStub)
    limited = stub(AccessStub, await make_key_with(access, PERMISSION_MANAGE_ACCESS))
    own = await first_key_id(access)
    told = await failure(rotate(limited, own))
    assert (told.code, told.metadata) == (Code.PERMISSION_DENIED, {"permission": "SUPER_ADMIN"})
    told = await failure(rotate(stub(AccessStub, other_instance.key), own))
    assert (told.code, told.reason) == (Code.NOT_FOUND, "API_KEY_NOT_FOUND")
    keys = (await access.ListApiKeys(pb.ListApiKeysRequest())).api_keys
    assert [key.HasField("expire_time") for key in keys] == [False, False]


async def test_the_last_use_of_a_key_is_seen_soon_and_does_not_go_back(
    pool: Pool, instance: Tenant
) -> None:
    async with run_server(pool, limits=Limits(key_use_write=0.05)) as running:
        stubs = Stubs(running.address, instance.key)
        access = stubs(AccessStub)
        unused = (await add_key(access, (await first_role(access)).role_id)).api_key
        before = datetime.now(UTC)

        async def used() -> Any:
            keys = (await access.ListApiKeys(pb.ListApiKeysRequest())).api_keys
            last = keys[0].last_use_time.ToDatetime(UTC)
            return keys if last > before else None

        keys = await wait_until(used)
        assert keys[0].last_use_time.ToDatetime(UTC) <= datetime.now(UTC)
        assert (keys[1].api_key_id, keys[1].HasField("last_use_time")) == (unused.api_key_id, False)
        await stubs.close()


async def test_what_was_noted_is_written_when_the_server_stops(
    pool: Pool, instance: Tenant
) -> None:
    async with run_server(pool) as running:
        stubs = Stubs(running.address, instance.key)
        await stubs(AccessStub).ListRoles(pb.ListRolesRequest())
        await stubs.close()
        assert await last_use(pool) is None
    assert await last_use(pool) is not None


class Unreliable:
    """A pool that cannot be had while `away`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.away = True

    def acquire(self) -> Any:
        if self.away:
            raise ConnectionRefusedError("the database is away")
        return self._pool.acquire()


async def test_a_database_that_is_away_costs_nothing_but_freshness(
    pool: Pool, instance: Tenant
) -> None:
    key_id = await pool.fetchval("SELECT id FROM api_key")
    unreliable = Unreliable(pool)
    uses = KeyUses(cast(Pool, unreliable), 60)
    before = datetime.now(UTC)
    uses.note(key_id)
    noted = datetime.now(UTC)
    await uses.write()
    assert await last_use(pool) is None
    await asyncio.sleep(0.2)
    unreliable.away = False
    await uses.write()
    first = await last_use(pool)
    assert first is not None
    margin = timedelta(milliseconds=50)
    assert before - margin <= first <= noted + margin

    await pool.execute("UPDATE api_key SET last_use_time = last_use_time + interval '1 hour'")
    uses.note(key_id)
    await uses.write()
    assert await last_use(pool) == first + timedelta(hours=1)


async def last_use(pool: Pool) -> datetime | None:
    found: datetime | None = await pool.fetchval("SELECT max(last_use_time) FROM api_key")
    return found
