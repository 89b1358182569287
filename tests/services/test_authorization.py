"""Every method of the contract against every kind of caller, made from the descriptors."""

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2

from outbound_sms.app import servicers
from outbound_sms.rpc.methods import PermissionUndeclared, read_methods
from outbound_sms.store.pool import Pool
from outboundsms.v1 import (
    access_pb2,
    contacts_pb2,
    delivery_pb2,
    directory_pb2,
    mass_messages_pb2,
    permission_pb2,
    settings_pb2,
    signatures_pb2,
)
from outboundsms.v1.access_pb2_grpc import AccessStub
from tests.services.failures import Failure, failure_of
from tests.services.running import Running, Stubs, Tenant

Code = grpc.StatusCode
FILES = (
    access_pb2,
    contacts_pb2,
    delivery_pb2,
    directory_pb2,
    mass_messages_pb2,
    settings_pb2,
    signatures_pb2,
)
SERVICES = [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]
METHODS = [method for service in SERVICES for method in service.methods]


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys that open nothing or little."""

    malformed: str
    revoked: str
    powerless: str


@pytest.fixture
async def keys(stub: Stubs, pool: Pool) -> Keys:
    access = stub(AccessStub)
    role = access_pb2.Role(name="Nothing")
    made = await access.CreateRole(access_pb2.CreateRoleRequest(role=role))
    key = access_pb2.ApiKey(name="key", role_id=made.role.role_id)
    request = access_pb2.CreateApiKeyRequest(api_key=key)
    revoked, powerless = await access.CreateApiKey(request), await access.CreateApiKey(request)
    await access.RevokeApiKey(access_pb2.RevokeApiKeyRequest(api_key_id=revoked.api_key.api_key_id))
    return Keys("sms_live_x", revoked.secret, powerless.secret)


async def attempt(stubs: Stubs, method: MethodDescriptor, key: str) -> Failure | None:
    """How a call with an empty request fails; None when it does not, or is a stream that opens."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    channel = stubs.channel(key)
    try:
        if not method.client_streaming and not method.server_streaming:
            await channel.unary_unary(path)(b"", timeout=10)
            return None
        call: Any
        if method.client_streaming:
            kind = channel.stream_stream if method.server_streaming else channel.stream_unary
            call = kind(path)(timeout=10)
            await call.done_writing()
        else:
            call = channel.unary_stream(path)(b"", timeout=10)
        try:
            await asyncio.wait_for(call.read() if method.server_streaming else call, 5)
        finally:
            call.cancel()
    except grpc.aio.AioRpcError as error:
        return failure_of(error)
    return None


def needed(method: MethodDescriptor) -> set[str]:
    values = method.GetOptions().Extensions[permission_pb2.required_permissions]
    names = {permission_pb2.Permission.Name(v).removeprefix("PERMISSION_") for v in values}
    return names - {"ANY_CALLER"}


async def test_every_method_refuses_everyone_whom_it_does_not_know(stub: Stubs, keys: Keys) -> None:
    wrong = []
    for method in METHODS:
        for key, reason in (
            ("", "API_KEY_MISSING"),
            (keys.malformed, "API_KEY_INVALID"),
            (keys.revoked, "API_KEY_INVALID"),
        ):
            told = await attempt(stub, method, key)
            if told is None or (told.code, told.reason) != (Code.UNAUTHENTICATED, reason):
                wrong.append((method.full_name, reason, told))
    assert wrong == []


async def test_every_method_refuses_a_role_without_its_permission(stub: Stubs, keys: Keys) -> None:
    wrong = []
    for method in METHODS:
        told = await attempt(stub, method, keys.powerless)
        if permissions := needed(method):
            good = told is not None and (
                (told.code, told.reason) == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")
                and told.metadata["permission"] in permissions
            )
        else:
            good = told is None or told.code not in (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)
        if not good:
            wrong.append((method.full_name, permissions, told))
    assert wrong == []


async def test_no_method_fails_for_a_super_admin_who_sends_nothing(
    stub: Stubs, instance: Tenant
) -> None:
    wrong = []
    for method in METHODS:
        told = await attempt(stub, method, instance.key)
        if told is not None and told.code in (
            Code.UNAUTHENTICATED,
            Code.PERMISSION_DENIED,
            Code.UNIMPLEMENTED,
            Code.UNKNOWN,
            Code.INTERNAL,
        ):
            wrong.append((method.full_name, told))
    assert wrong == []


def test_a_method_that_declares_no_permission_stops_the_start() -> None:
    with pytest.raises(PermissionUndeclared, match=r"/grpc\.health\.v1\.Health/Check"):
        read_methods([health_pb2.DESCRIPTOR.services_by_name["Health"]])


async def test_every_service_of_the_contract_is_served(server: Running) -> None:
    served = {each.service.full_name for each in servicers(server.parts)}
    assert served == {service.full_name for service in SERVICES}
