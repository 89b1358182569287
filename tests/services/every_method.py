"""Every method of the contract, found by walking the package, and calls of them without a stub."""

import asyncio
import pkgutil
from collections.abc import AsyncIterator, Sequence
from importlib import import_module
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import outboundsms.v1
from outboundsms.v1 import permission_pb2
from tests.services.failures import Failure, failure_of

SECONDS = 10.0
PREFIX = "PERMISSION_"


def _find_services() -> list[ServiceDescriptor]:
    names = (module.name for module in pkgutil.iter_modules(outboundsms.v1.__path__))
    files = (
        import_module(f"outboundsms.v1.{name}").DESCRIPTOR
        for name in names
        if name.endswith("_pb2")
    )
    return [service for file in files for service in file.services_by_name.values()]


SERVICES = _find_services()
METHODS: list[MethodDescriptor] = [method for service in SERVICES for method in service.methods]
PERMISSIONS = {
    name.removeprefix(PREFIX)
    for name in permission_pb2.Permission.keys()  # noqa: SIM118
    if name not in (PREFIX + "UNSPECIFIED", PREFIX + "ANY_CALLER")
}


def short_name(method: MethodDescriptor) -> str:
    """For example `Access.CreateRole`."""
    return f"{method.containing_service.name}.{method.name}"


def needed(method: MethodDescriptor) -> frozenset[str]:
    """The permissions that a caller's role must hold, all of them, as the contract declares."""
    values = method.GetOptions().Extensions[permission_pb2.required_permissions]
    names = {permission_pb2.Permission.Name(value).removeprefix(PREFIX) for value in values}
    return frozenset(names - {"ANY_CALLER"})


async def call(
    channel: Any, method: MethodDescriptor, requests: Sequence[Message], authorization: str | None
) -> Message | Failure | None:
    """The first answer or the failure of a call; None for a stream that ends without an answer.

    `requests` are all that is sent; a method that takes one request must get one. Leaves the call.
    """
    metadata = (("authorization", authorization),) if authorization is not None else ()
    path = f"/{method.containing_service.full_name}/{method.name}"
    kind = "_".join(
        "stream" if streaming else "unary"
        for streaming in (method.client_streaming, method.server_streaming)
    )
    answer_type = GetMessageClass(method.output_type)
    sender = getattr(channel, kind)(
        path,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer_type.FromString,
    )
    given = _each(requests) if method.client_streaming else requests[0]
    started = sender(given, metadata=metadata, timeout=SECONDS)
    try:
        async with asyncio.timeout(SECONDS):
            if not method.server_streaming:
                answer: Message = await started
                return answer
            first = await started.read()
            return None if first is grpc.aio.EOF else first
    except grpc.aio.AioRpcError as error:
        return failure_of(error)
    finally:
        started.cancel()


async def call_with_nothing(
    channel: Any, method: MethodDescriptor, authorization: str | None
) -> Message | Failure | None:
    """What a call with an empty request, or with no request for a stream of them, comes to."""
    requests = [] if method.client_streaming else [GetMessageClass(method.input_type)()]
    return await call(channel, method, requests, authorization)


async def _each(requests: Sequence[Message]) -> AsyncIterator[Message]:
    for request in requests:
        yield request
