"""Reading the fields that many requests have, collecting what is wrong with them."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from outbound_sms.domain.errors import Violations

_LARGEST_VERSION = 2**31 - 1
_UUID_LENGTH = 36


class EnumWrapper(Protocol):
    """What the stubs offer for an enum type, for example `settings_pb2.BillingRule`."""

    def values(self) -> Sequence[int]: ...


def parse_id(violations: Violations, field: str, value: str, required: bool = True) -> UUID | None:
    """The id, or None with a violation when it is no UUID, or missing though `required`."""
    if not value:
        if required:
            violations.add(field, "is missing; give the id")
        return None
    try:
        # UUID() alone also reads braces, "urn:uuid:" and missing hyphens.
        if len(value) == _UUID_LENGTH:
            return UUID(value)
    except ValueError:
        pass
    violations.add(field, "is not an id; give a UUID as the service returned it")
    return None


def read_mask(violations: Violations, mask: FieldMask, allowed: Collection[str]) -> frozenset[str]:
    """The paths to update; violations for an empty mask and for each path that is not `allowed`."""
    paths = frozenset(mask.paths)
    listed = ", ".join(sorted(allowed))
    if not paths:
        violations.add("update_mask", f"is empty; name fields to change: {listed}")
    for path in sorted(paths.difference(allowed)):
        shown = path if path.isprintable() and len(path) <= 100 else "a path"
        violations.add("update_mask", f"{shown} cannot be changed; choose from: {listed}")
    return paths.intersection(allowed)


def to_timestamp(moment: datetime | None) -> Timestamp | None:
    """The moment as protobuf's; None stays None, which leaves a field unset."""
    if moment is None:
        return None
    made = Timestamp()
    made.FromDatetime(moment)
    return made


def to_datetime(violations: Violations, field: str, value: Timestamp | None) -> datetime | None:
    """The moment in UTC, to the microsecond.

    Pass None where the request does not have the field (`HasField`), since an unset Timestamp reads
    as 1970. Adds a violation for a time that no calendar has.
    """
    if value is None:
        return None
    try:
        return value.ToDatetime(UTC)
    except (ValueError, OverflowError):
        violations.add(field, "is not a time; give one of the years 1 to 9999")
        return None


def check_enum(violations: Violations, field: str, value: int, enum: EnumWrapper) -> bool:
    """Whether the value is one that the contract names; adds a violation for unknown and for 0."""
    if value != 0 and value in enum.values():
        return True
    description = "is missing" if value == 0 else "is a value that this service does not know"
    violations.add(field, f"{description}; give one that the contract lists")
    return False


def parse_etag(violations: Violations, value: str, field: str = "etag") -> int | None:
    """The version that the caller has read, or None when it sends none and so overwrites any."""
    if not value:
        return None
    if value.isascii() and value.isdigit() and 0 < int(value[:20]) <= _LARGEST_VERSION:
        return int(value[:20])
    violations.add(field, "is not an etag; give it as the service returned it, or leave it out")
    return None
