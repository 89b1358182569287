"""Every method of the contract against every kind of caller, made from the descriptors."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2

from outbound_sms.app import servicers
from outbound_sms.domain.access import RoleValues
from outbound_sms.domain.api_key import make_key
from outbound_sms.rpc.limits import Limits
from outbound_sms.rpc.methods import PermissionUndeclared, read_methods
from outbound_sms.store.api_keys import create_api_key, revoke_api_key
from outbound_sms.store.instances import platform_instance
from outbound_sms.store.pool import Pool
from outbound_sms.store.roles import create_role
from tests.services.every_method import (
    METHODS,
    PERMISSIONS,
    SERVICES,
    call_with_nothing,
    needed,
    short_name,
)
from tests.services.failures import Failure
from tests.services.running import Running, Tenant, make_operator_key, run_server

Code = grpc.StatusCode
AT_ONCE = 8
DEFECTS = {Code.UNIMPLEMENTED, Code.UNKNOWN, Code.INTERNAL, Code.DEADLINE_EXCEEDED}
SETS = sorted(
    {needed(method) for method in METHODS} | {frozenset({p}) for p in PERMISSIONS}, key=sorted
)


@pytest.fixture
async def running(pool: Pool) -> AsyncIterator[Running]:
    """A server with room for all these calls, of which some open a stream."""
    async with run_server(pool, limits=Limits(streams_per_instance=100)) as server:
        yield server


@pytest.fixture
async def channel(running: Running) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(running.address) as opened:
        yield opened


async def add_key(
    pool: Pool,
    instance_id: UUID,
    permissions: Collection[str] = (),
    *,
    super_admin: bool = False,
    expire_time: datetime | None = None,
) -> str:
    """The authorization of a new key, of a role of its own."""
    secret = make_key()
    values = RoleValues(secret.lookup_id, frozenset(permissions), super_admin)
    role = await create_role(pool, instance_id, values)
    await create_api_key(pool, instance_id, role.id, "key", secret, expire_time)
    return f"Bearer {secret.text}"


async def call_all(
    channel: grpc.aio.Channel,
    authorization: str | None,
    methods: Iterable[MethodDescriptor] = METHODS,
) -> dict[str, Failure | None]:
    """How every method fails for the caller; None for those that do not."""
    room = asyncio.Semaphore(AT_ONCE)

    async def attempt(method: MethodDescriptor) -> Failure | None:
        async with room:
            told = await call_with_nothing(channel, method, authorization)
        return told if isinstance(told, Failure) else None

    wanted = list(methods)
    told = await asyncio.gather(*map(attempt, wanted))
    return {short_name(method): each for method, each in zip(wanted, told, strict=True)}


def check_gate(told: dict[str, Failure | None], held: Collection[str]) -> None:
    """Exactly the methods whose needs are held have passed, and none of these has failed badly."""
    wrong = {}
    for method in METHODS:
        name, missing = short_name(method), needed(method) - set(held)
        failed = told[name]
        if missing:
            good = (
                failed is not None
                and (failed.code, failed.reason) == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")
                and failed.metadata["permission"] in missing
            )
        else:
            refused = {Code.UNAUTHENTICATED, Code.PERMISSION_DENIED} | DEFECTS
            good = failed is None or failed.code not in refused
        if not good:
            wrong[name] = (sorted(missing), failed)
    assert wrong == {}


async def test_every_method_refuses_everyone_whom_it_does_not_know(
    channel: grpc.aio.Channel, pool: Pool, instance: Tenant
) -> None:
    instance_id, past = instance.instance.id, datetime.now(UTC) - timedelta(seconds=1)
    revoked = await add_key(pool, instance_id, super_admin=True)
    key_id = await pool.fetchval("SELECT id FROM api_key ORDER BY id DESC LIMIT 1")
    await revoke_api_key(pool, instance_id, key_id)
    good = f"Bearer {instance.key}"
    callers = {
        "none": (None, "API_KEY_MISSING"),
        "empty": ("", "API_KEY_INVALID"),
        "malformed": ("Bearer sms_live_x", "API_KEY_INVALID"),
        "mistyped": (good[:-1] + ("0" if good[-1] != "0" else "1"), "API_KEY_INVALID"),
        "without its scheme": (instance.key, "API_KEY_INVALID"),
        "of another scheme": (f"Basic {instance.key}", "API_KEY_INVALID"),
        "unknown": (f"Bearer {make_key().text}", "API_KEY_INVALID"),
        "revoked": (revoked, "API_KEY_INVALID"),
        "expired": (
            await add_key(pool, instance_id, super_admin=True, expire_time=past),
            "API_KEY_INVALID",
        ),
    }
    wrong = []
    for caller, (authorization, reason) in callers.items():
        for name, failed in (await call_all(channel, authorization)).items():
            if failed is None or (failed.code, failed.reason) != (Code.UNAUTHENTICATED, reason):
                wrong.append((caller, name, failed))
    assert wrong == []


async def test_a_role_opens_exactly_the_methods_whose_permissions_it_holds(
    channel: grpc.aio.Channel, pool: Pool, instance: Tenant
) -> None:
    assert frozenset() in SETS
    assert len(SETS) > len(PERMISSIONS)
    for permissions in SETS:
        authorization = await add_key(pool, instance.instance.id, permissions)
        check_gate(await call_all(channel, authorization), permissions - {"MANAGE_INSTANCES"})


async def test_a_super_admin_may_call_all_but_what_is_the_platforms(
    channel: grpc.aio.Channel, instance: Tenant
) -> None:
    told = await call_all(channel, f"Bearer {instance.key}")
    check_gate(told, PERMISSIONS - {"MANAGE_INSTANCES"})


async def test_the_platform_operator_may_call_everything_and_its_roles_what_they_hold(
    channel: grpc.aio.Channel, pool: Pool
) -> None:
    check_gate(await call_all(channel, f"Bearer {await make_operator_key(pool)}"), PERMISSIONS)
    async with pool.acquire() as connection:
        platform = await platform_instance(connection)
    for permissions in ({"MANAGE_INSTANCES"}, {"MANAGE_ACCESS"}):
        authorization = await add_key(pool, platform.id, permissions)
        check_gate(await call_all(channel, authorization), permissions)


def test_a_method_that_declares_no_permission_stops_the_start() -> None:
    with pytest.raises(PermissionUndeclared, match=r"/grpc\.health\.v1\.Health/Check"):
        read_methods([health_pb2.DESCRIPTOR.services_by_name["Health"]])


async def test_every_service_of_the_contract_is_served(running: Running) -> None:
    served = {each.service.full_name for each in servicers(running.parts)}
    assert served == {service.full_name for service in SERVICES}
    kinds = {(method.client_streaming, method.server_streaming) for method in METHODS}
    assert kinds >= {(False, False), (False, True), (True, True)}
