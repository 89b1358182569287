"""Calls any method by its name through the generated stubs."""

from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from outboundsms import OutboundSmsError
from outboundsms.calls import interceptors
from outboundsms.policy import CONTRACT
from outboundsms.v1 import (
    access_pb2_grpc,
    billing_pb2_grpc,
    contacts_pb2_grpc,
    delivery_pb2_grpc,
    directory_pb2_grpc,
    instances_pb2_grpc,
    mass_messages_pb2_grpc,
    price_lists_pb2_grpc,
    settings_pb2_grpc,
    signatures_pb2_grpc,
    triggers_pb2_grpc,
)
from tests.e2e.outcome import Json, Outcome

TIMEOUT = 20.0

STUBS: dict[str, Any] = {
    "Access": access_pb2_grpc.AccessStub,
    "Billing": billing_pb2_grpc.BillingStub,
    "Contacts": contacts_pb2_grpc.ContactsStub,
    "Delivery": delivery_pb2_grpc.DeliveryStub,
    "Directory": directory_pb2_grpc.DirectoryStub,
    "Instances": instances_pb2_grpc.InstancesStub,
    "MassMessages": mass_messages_pb2_grpc.MassMessagesStub,
    "PriceLists": price_lists_pb2_grpc.PriceListsStub,
    "Settings": settings_pb2_grpc.SettingsStub,
    "Signatures": signatures_pb2_grpc.SignaturesStub,
    "Triggers": triggers_pb2_grpc.TriggersStub,
}


def find_method(service: str, method: str) -> MethodDescriptor:
    """The descriptor of a method. Raises KeyError when the contract does not have it."""
    for file in CONTRACT:
        if service in file.services_by_name:
            return file.services_by_name[service].methods_by_name[method]
    raise KeyError(service)


class StubClient:
    """Calls with a key; `""` sends none."""

    name = "stub"

    def __init__(self, address: str) -> None:
        self._address = address
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def close(self) -> None:
        """Closes the connections."""
        for channel in self._channels.values():
            await channel.close()

    def _channel(self, key: str) -> grpc.aio.Channel:
        if key not in self._channels:
            calls = interceptors(key) if key else []
            self._channels[key] = grpc.aio.insecure_channel(self._address, interceptors=calls)
        return self._channels[key]

    async def call(self, method: MethodDescriptor, requests: list[Json], key: str) -> Outcome:
        """The outcome of the call; of an endless stream the first answer."""
        request_class = GetMessageClass(method.input_type)
        sent = [json_format.ParseDict(each, request_class()) for each in requests]
        service = method.containing_service.name
        callable_ = getattr(STUBS[service](self._channel(key)), method.name)
        try:
            return Outcome("OK", await _answers(method, callable_, sent))
        except grpc.aio.AioRpcError as error:
            return _failed(error)

    async def call_raw(self, method: MethodDescriptor, body: bytes, key: str) -> Outcome:
        """The outcome of sending these bytes as the request, well-formed or not."""
        path = f"/{method.containing_service.full_name}/{method.name}"
        call: Any = self._channel(key).unary_unary(path)
        try:
            await call(body, timeout=TIMEOUT)
        except grpc.aio.AioRpcError as error:
            return _failed(error)
        return Outcome("OK")


def to_json(message: Message) -> Json:
    """ProtoJSON with the contract's names, and with the fields that are empty."""
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


async def _answers(method: MethodDescriptor, call: Any, requests: list[Message]) -> list[Json]:
    if not method.server_streaming:
        return [to_json(await call(requests[0], timeout=TIMEOUT))]
    stream = call(iter(requests) if method.client_streaming else requests[0], timeout=TIMEOUT)
    answers = []
    async for answer in stream:
        answers.append(to_json(answer))
        if not method.client_streaming:
            stream.cancel()
            break
    return answers


def _failed(error: grpc.aio.AioRpcError) -> Outcome:
    read = OutboundSmsError.of(error)
    return Outcome(
        read.code().name,
        message=read.details() or "",
        reason=read.reason,
        domain=read.domain,
        violations={each.field: each.description for each in read.violations},
    )
