"""Which gRPC status each failure is, and the details that it carries. The one table of codes."""

import random
from dataclasses import dataclass

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from outbound_sms.domain.errors import (
    AlreadyExists,
    Conflict,
    DeadlineExceeded,
    FieldViolation,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    OutboundSmsError,
    OutOfRange,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
    WrongState,
)
from outbound_sms.domain.phone import mask_numbers

DOMAIN = "outboundsms.v1"
DETAILS_KEY = "grpc-status-details-bin"

CODES: dict[type[OutboundSmsError], grpc.StatusCode] = {
    InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    WrongState: grpc.StatusCode.FAILED_PRECONDITION,
    Conflict: grpc.StatusCode.ABORTED,
    OutOfRange: grpc.StatusCode.OUT_OF_RANGE,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    LimitExceeded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    OutboundSmsError: grpc.StatusCode.INTERNAL,
}

# Clients refuse trailers beyond 8 kB by default; details grow by a third on the wire.
_MOST_VIOLATIONS = 20
_LONGEST_DETAILS = 5_000
_LONGEST_MESSAGE = 500
_LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Status:
    """An answer that is an error: its code, its text, and a serialised google.rpc.Status."""

    code: grpc.StatusCode
    message: str
    details: bytes


def to_status(error: OutboundSmsError) -> Status:
    """The status of a failure: with ErrorInfo always, BadRequest or RetryInfo where they belong."""
    code = code_of(error)
    message = _text(error.message, _LONGEST_MESSAGE)
    status = status_pb2.Status(code=code.value[0], message=message)
    info = error_details_pb2.ErrorInfo(reason=error.reason.value, domain=DOMAIN)
    for key, value in error.metadata.items():
        info.metadata[key] = _text(value, _LONGEST_VALUE)
    status.details.add().Pack(info)
    if isinstance(error, LimitExceeded | Unavailable):
        status.details.add().Pack(_retry_info(error.retry_after))
    if isinstance(error, InvalidRequest):
        _add_violations(status, error.violations)
    return Status(code, message, status.SerializeToString())


def code_of(error: OutboundSmsError) -> grpc.StatusCode:
    """The code of the nearest class that the table has."""
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def _retry_info(seconds: float) -> error_details_pb2.RetryInfo:
    # Spread out, so that those who were refused together do not come back together.
    delay = seconds * random.uniform(1.0, 1.5)
    return error_details_pb2.RetryInfo(
        retry_delay=Duration(seconds=int(delay), nanos=int(delay % 1 * 1e9))
    )


def _add_violations(status: status_pb2.Status, violations: tuple[FieldViolation, ...]) -> None:
    bad = error_details_pb2.BadRequest()
    for violation in violations[:_MOST_VIOLATIONS]:
        bad.field_violations.add(
            field=_text(violation.field, _LONGEST_VALUE),
            description=_text(violation.description, _LONGEST_VALUE),
        )
    while bad.ByteSize() > _LONGEST_DETAILS:
        del bad.field_violations[-1]
    status.details.add().Pack(bad)


def _text(text: str, longest: int) -> str:
    masked = mask_numbers(text)
    return masked if len(masked) <= longest else f"{masked[: longest - 3]}..."
