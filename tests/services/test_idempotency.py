"""A request_id has one effect and one answer, however often and wherever it is sent."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest

from outbound_sms.rpc.limits import Limits
from outbound_sms.store.idempotency import forget_old_answers
from outbound_sms.store.pool import Pool
from outboundsms.v1 import access_pb2 as pb
from outboundsms.v1.access_pb2_grpc import AccessStub
from tests.services.failures import failure
from tests.services.running import Stubs, Tenant, make_tenant, run_server

Code = grpc.StatusCode


def request(name: str, request_id: str) -> pb.CreateRoleRequest:
    return pb.CreateRoleRequest(role=pb.Role(name=name), request_id=request_id)


@pytest.fixture
async def wide(pool: Pool, instance: Tenant) -> AsyncIterator[Stubs]:
    """Stubs of a server that takes 500 calls of one instance at once."""
    async with run_server(pool, limits=Limits(unary_per_instance=500)) as running:
        stubs = Stubs(running.address, instance.key)
        yield stubs
        await stubs.close()


async def roles(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM role WHERE NOT super_admin"))


async def test_two_hundred_equal_calls_at_once_have_one_effect_and_one_answer(
    wide: Stubs, pool: Pool
) -> None:
    call = request("Sender", str(uuid4()))
    access = wide(AccessStub)
    answers = await asyncio.gather(*(access.CreateRole(call) for _ in range(200)))
    assert len({answer.SerializeToString(deterministic=True) for answer in answers}) == 1
    assert answers[0].role.role_id
    assert await roles(pool) == 1


async def test_without_a_request_id_each_call_has_its_effect(stub: Stubs, pool: Pool) -> None:
    for name in ("One", "Two"):
        await stub(AccessStub).CreateRole(request(name, ""))
    assert await roles(pool) == 2


async def test_a_request_id_cannot_be_used_for_another_content(stub: Stubs, pool: Pool) -> None:
    used = str(uuid4())
    first = await stub(AccessStub).CreateRole(request("One", used))
    refused = await failure(stub(AccessStub).CreateRole(request("Two", used)))
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "REQUEST_ID_REUSED")
    assert refused.metadata == {"request_id": used}
    assert await roles(pool) == 1
    assert await stub(AccessStub).CreateRole(request("One", used)) == first


async def test_the_answer_is_the_same_from_another_server(
    stub: Stubs, pool: Pool, instance: Tenant
) -> None:
    call = request("Sender", str(uuid4()))
    first = await stub(AccessStub).CreateRole(call)
    async with run_server(pool) as another:
        stubs = Stubs(another.address, instance.key)
        assert await stubs(AccessStub).CreateRole(call) == first
        await stubs.close()
    assert await roles(pool) == 1


async def test_a_request_id_belongs_to_its_instance(stub: Stubs, pool: Pool) -> None:
    call = request("Sender", str(uuid4()))
    other = await make_tenant(pool, "Third")
    ours = await stub(AccessStub).CreateRole(call)
    theirs = await stub(AccessStub, other.key).CreateRole(call)
    assert ours.role.role_id != theirs.role.role_id


async def test_a_failed_call_leaves_its_request_id_free(stub: Stubs, pool: Pool) -> None:
    access, used = stub(AccessStub), str(uuid4())
    await access.CreateRole(request("Taken", ""))
    refused = await failure(access.CreateRole(request("Taken", used)))
    assert refused.reason == "NAME_TAKEN"
    await pool.execute("DELETE FROM role WHERE name = 'Taken'")
    assert (await access.CreateRole(request("Taken", used))).role.name == "Taken"


@pytest.mark.parametrize("bad", ["1", "é", "x" * 36, "{01a20705-c6ad-77e0-914e-3841ccde1c73}"])
async def test_a_request_id_must_be_a_uuid(stub: Stubs, pool: Pool, bad: str) -> None:
    refused = await failure(stub(AccessStub).CreateRole(request("One", bad)))
    assert refused.violations.keys() == {"request_id"}
    assert await roles(pool) == 0


async def test_answers_are_forgotten_after_a_day(stub: Stubs, pool: Pool) -> None:
    old, young = str(uuid4()), str(uuid4())
    await stub(AccessStub).CreateRole(request("Old", old))
    await pool.execute("UPDATE idempotency SET create_time = now() - interval '24 hours 1 second'")
    await stub(AccessStub).CreateRole(request("Young", young))
    assert await forget_old_answers(pool) == 1
    assert (await failure(stub(AccessStub).CreateRole(request("Old", old)))).reason == "NAME_TAKEN"
    await stub(AccessStub).CreateRole(request("Young", young))
