"""How long calls may take and which of them are repeated by themselves, derived from the contract.

A call is repeated when its server cannot be reached or is stopping, and only where a second run has
no second effect: reads, and methods with a `request_id` or an `event_key`. Streams have no time
limit; a watch is resumed by `outboundsms.watch`, a stream of events by `outboundsms.fire`.
"""

import json
from collections.abc import Iterator
from functools import cache

from google.api import field_behavior_pb2
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor

from outboundsms.v1 import (
    access_pb2,
    billing_pb2,
    contacts_pb2,
    delivery_pb2,
    directory_pb2,
    instances_pb2,
    mass_messages_pb2,
    price_lists_pb2,
    settings_pb2,
    signatures_pb2,
    triggers_pb2,
)

CALL_TIMEOUT = "30s"
READING_VERBS = ("Get", "List", "Preview")
RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.2s",
    "maxBackoff": "5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
# Retries stop while most calls fail, so that a server in trouble is not made busier.
RETRY_THROTTLING = {"maxTokens": 10, "tokenRatio": 0.1}

CONTRACT: tuple[FileDescriptor, ...] = tuple(
    module.DESCRIPTOR
    for module in (
        access_pb2,
        billing_pb2,
        contacts_pb2,
        delivery_pb2,
        directory_pb2,
        instances_pb2,
        mass_messages_pb2,
        price_lists_pb2,
        settings_pb2,
        signatures_pb2,
        triggers_pb2,
    )
)


def methods() -> Iterator[MethodDescriptor]:
    """Every method of every service."""
    for file in CONTRACT:
        for service in file.services_by_name.values():
            yield from service.methods


@cache
def service_config() -> str:
    """The gRPC service config as JSON, for any client in any language that reads this contract."""
    unary = [each for each in methods() if not each.client_streaming and not each.server_streaming]
    repeatable = [_name(each) for each in unary if is_repeatable(each)]
    others = [_name(each) for each in unary if not is_repeatable(each)]
    config = {
        "methodConfig": [
            {"name": repeatable, "timeout": CALL_TIMEOUT, "retryPolicy": RETRY_POLICY},
            {"name": others, "timeout": CALL_TIMEOUT},
        ],
        "retryThrottling": RETRY_THROTTLING,
    }
    return json.dumps(config)


def is_repeatable(method: MethodDescriptor) -> bool:
    """Whether calling the method twice with the same request has the effect of calling it once."""
    if method.name.startswith(READING_VERBS) or _request_id(method) is not None:
        return True
    event = method.input_type.fields_by_name.get("event")
    kind = event.message_type if event is not None else None
    return kind is not None and "event_key" in kind.fields_by_name


def fills_request_id(path: str) -> bool:
    """Whether the client gives the method of this path, `/package.Service/Method`, a request id.

    Not where the contract requires one: there the caller's own id must outlive the process, so that
    a send which may have been accepted is not made again under another id.
    """
    return path in _filled()


@cache
def _filled() -> frozenset[str]:
    return frozenset(
        f"/{method.containing_service.full_name}/{method.name}"
        for method in methods()
        if _request_id(method) == field_behavior_pb2.OPTIONAL
    )


def _request_id(method: MethodDescriptor) -> int | None:
    """The behaviour of the request's `request_id`, or None when it has no such field."""
    field = method.input_type.fields_by_name.get("request_id")
    if field is None:
        return None
    behaviours = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return int(behaviours[0]) if behaviours else None


def _name(method: MethodDescriptor) -> dict[str, str]:
    return {"service": method.containing_service.full_name, "method": method.name}
