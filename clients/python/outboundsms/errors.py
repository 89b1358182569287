"""What the service says went wrong, read out of a gRPC status."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import grpc
import grpc.aio
from google.rpc import error_details_pb2, status_pb2

DETAILS_KEY = "grpc-status-details-bin"
CALL_ID_KEY = "call-id"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing wrong with one field. `field` is its path, for example `rows[3].values`."""

    field: str
    description: str


class OutboundSmsError(grpc.aio.AioRpcError):
    """A call that failed. It is a `grpc.RpcError` too, so `code()` and `details()` are there.

    `reason` is one of `ErrorReason` in the contract without its prefix, for example `NAME_TAKEN`,
    and is what programs should decide by; it is empty when no server answered. `domain` says whose
    reason it is, and `metadata` goes with it. `violations` lists everything wrong with the fields
    of the request. `retry_after` is how many seconds the server asks to wait before the call is
    repeated; None when it did not say. `call_id` finds the call in the server's log; empty when no
    server answered.
    """

    reason: str
    domain: str
    metadata: Mapping[str, str]
    violations: tuple[FieldViolation, ...]
    retry_after: float | None
    call_id: str

    def __init__(
        self,
        code: grpc.StatusCode,
        initial_metadata: grpc.aio.Metadata | None = None,
        trailing_metadata: grpc.aio.Metadata | None = None,
        details: str | None = None,
        debug_error_string: str | None = None,
    ) -> None:
        super().__init__(code, initial_metadata, trailing_metadata, details, debug_error_string)
        self.reason = ""
        self.domain = ""
        self.metadata = {}
        self.violations = ()
        self.retry_after = None
        self.call_id = _text(trailing_metadata, CALL_ID_KEY)
        for detail in _status(trailing_metadata).details:
            self._read(detail.type_url.rpartition("/")[2], detail.value)

    @classmethod
    def of(cls, error: grpc.aio.AioRpcError) -> Self:
        """The same error with its details read; one that has them already comes back as it is."""
        if isinstance(error, cls):
            return error
        return cls(
            error.code(),
            error.initial_metadata(),
            error.trailing_metadata(),
            error.details(),
            error.debug_error_string(),
        )

    def _read(self, kind: str, value: bytes) -> None:
        if kind == "google.rpc.ErrorInfo":
            info = error_details_pb2.ErrorInfo.FromString(value)
            self.reason, self.domain = info.reason, info.domain
            self.metadata = dict(info.metadata)
        elif kind == "google.rpc.BadRequest":
            request = error_details_pb2.BadRequest.FromString(value)
            self.violations = tuple(
                FieldViolation(each.field, each.description) for each in request.field_violations
            )
        elif kind == "google.rpc.RetryInfo":
            delay = error_details_pb2.RetryInfo.FromString(value).retry_delay
            self.retry_after = delay.seconds + delay.nanos / 1e9

    def __str__(self) -> str:
        head = f"{self.code().name} {self.reason}".strip()
        listed = "".join(f"\n  {each.field}: {each.description}" for each in self.violations)
        return f"{head}: {self.details()}{listed}"


def _status(metadata: grpc.aio.Metadata | None) -> status_pb2.Status:
    value = metadata.get(DETAILS_KEY) if metadata is not None else None
    return status_pb2.Status.FromString(value) if isinstance(value, bytes) else status_pb2.Status()


def _text(metadata: grpc.aio.Metadata | None, key: str) -> str:
    value = metadata.get(key) if metadata is not None else None
    return value if isinstance(value, str) else ""
