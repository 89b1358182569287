"""What a failed RPC said, in parts."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(frozen=True, slots=True)
class Failure:
    """`violations` maps fields to descriptions; `retry_after` is in seconds, None when not said."""

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    metadata: dict[str, str]
    violations: dict[str, str]
    retry_after: float | None
    call_id: str


async def failure(call: Awaitable[Any]) -> Failure:
    """Waits for an RPC that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return failure_of(caught.value)


def failure_of(error: grpc.aio.AioRpcError) -> Failure:
    """The parts of an error. Those of gRPC itself have no details, and so an empty reason."""
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), None
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        detail.Unpack(info)
        detail.Unpack(bad)
        waiting = error_details_pb2.RetryInfo()
        if detail.Unpack(waiting):
            retry = waiting.retry_delay.seconds + waiting.retry_delay.nanos / 1e9
    trailers = dict(error.trailing_metadata() or ())
    return Failure(
        code=error.code(),
        message=error.details() or "",
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        violations={each.field: each.description for each in bad.field_violations},
        retry_after=retry,
        call_id=str(trailers.get("call-id", "")),
    )
