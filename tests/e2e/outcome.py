"""What an RPC answered, in one form for every client that can call it."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

STATUS_NAMES = {
    name.replace("_", "").lower(): name
    for name in (
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    )
}
BY_NUMBER = [
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"),
    *("ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"),
    *("ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    "UNAUTHENTICATED",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`responses` are ProtoJSON with the field names of the contract. `code` is a status name."""

    code: str
    responses: list[Json] = field(default_factory=list)
    message: str = ""
    reason: str = ""
    domain: str = ""
    violations: dict[str, str] = field(default_factory=dict)


def code_name(text: str) -> str:
    """The status name however a client writes it: `NotFound`, `not_found`, `NOT_FOUND`."""
    return STATUS_NAMES[text.replace("_", "").lower()]
