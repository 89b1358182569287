"""What can go wrong, said once: the reasons, and the kinds of failure that carry them.

Nothing here knows gRPC. `rpc/status.py` maps each kind to a status code, and `error_reason.proto`
documents every reason for clients; a test keeps the two lists equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Stable machine-readable reasons: `ErrorReason` of the contract, less the prefix."""

    # The request itself
    INVALID_REQUEST = "INVALID_REQUEST"
    PAGE_TOKEN_INVALID = "PAGE_TOKEN_INVALID"
    CURSOR_INVALID = "CURSOR_INVALID"
    CURSOR_EXPIRED = "CURSOR_EXPIRED"
    CURSOR_AHEAD = "CURSOR_AHEAD"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    ETAG_MISMATCH = "ETAG_MISMATCH"
    # The caller
    API_KEY_MISSING = "API_KEY_MISSING"
    API_KEY_INVALID = "API_KEY_INVALID"
    PERMISSION_MISSING = "PERMISSION_MISSING"
    # Things that do not exist
    COMPANY_NOT_FOUND = "COMPANY_NOT_FOUND"
    DEPARTMENT_NOT_FOUND = "DEPARTMENT_NOT_FOUND"
    ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
    NETWORK_SITE_NOT_FOUND = "NETWORK_SITE_NOT_FOUND"
    VENDOR_NOT_FOUND = "VENDOR_NOT_FOUND"
    CONTACT_NOT_FOUND = "CONTACT_NOT_FOUND"
    PHONE_NUMBER_NOT_FOUND = "PHONE_NUMBER_NOT_FOUND"
    PHONE_NUMBER_TYPE_NOT_FOUND = "PHONE_NUMBER_TYPE_NOT_FOUND"
    MESSAGE_CATEGORY_NOT_FOUND = "MESSAGE_CATEGORY_NOT_FOUND"
    SIGNATURE_NOT_FOUND = "SIGNATURE_NOT_FOUND"
    MASS_MESSAGE_NOT_FOUND = "MASS_MESSAGE_NOT_FOUND"
    MESSAGE_NOT_FOUND = "MESSAGE_NOT_FOUND"
    SENDING_NUMBER_NOT_FOUND = "SENDING_NUMBER_NOT_FOUND"
    ROLE_NOT_FOUND = "ROLE_NOT_FOUND"
    API_KEY_NOT_FOUND = "API_KEY_NOT_FOUND"
    TRIGGERED_MESSAGE_NOT_FOUND = "TRIGGERED_MESSAGE_NOT_FOUND"
    INSTANCE_NOT_FOUND = "INSTANCE_NOT_FOUND"
    # Things that exist already
    NAME_TAKEN = "NAME_TAKEN"
    PHONE_NUMBER_TAKEN = "PHONE_NUMBER_TAKEN"
    # Things that are in the wrong state
    IN_USE = "IN_USE"
    ROLE_LOCKED = "ROLE_LOCKED"
    TOP_UP_NOT_FOUND = "TOP_UP_NOT_FOUND"
    NO_PAYMENT_METHOD = "NO_PAYMENT_METHOD"
    PAYMENTS_NOT_CONFIGURED = "PAYMENTS_NOT_CONFIGURED"
    NO_PRICES = "NO_PRICES"
    BALANCE_TOO_LOW = "BALANCE_TOO_LOW"
    SMS_NOT_AVAILABLE = "SMS_NOT_AVAILABLE"
    SMS_DISABLED = "SMS_DISABLED"
    NO_RECIPIENTS = "NO_RECIPIENTS"
    NO_SENDING_NUMBER = "NO_SENDING_NUMBER"
    NO_SIGNATURE = "NO_SIGNATURE"
    MASS_MESSAGE_STATE = "MASS_MESSAGE_STATE"
    OPT_IN_SUPPRESSED = "OPT_IN_SUPPRESSED"
    # The server
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    SLOW_CONSUMER = "SLOW_CONSUMER"
    CONFLICT = "CONFLICT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    STREAM_TIME_LIMIT = "STREAM_TIME_LIMIT"
    DRAINING = "DRAINING"
    DATABASE_UNAVAILABLE = "DATABASE_UNAVAILABLE"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing wrong with one field; `field` is its path, such as `accounts[3].name`."""

    field: str
    description: str


class OutboundSmsError(Exception):
    """Base of every failure that a caller may see. The message says what to do next."""

    def __init__(self, reason: Reason, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = metadata


class InvalidRequest(OutboundSmsError):
    """The request can never succeed as it is. Carries every field violation at once."""

    def __init__(
        self,
        violations: Sequence[FieldViolation],
        reason: Reason = Reason.INVALID_REQUEST,
        **metadata: str,
    ) -> None:
        listed = "; ".join(f"{v.field}: {v.description}" for v in violations[:3])
        more = f" (and {len(violations) - 3} more)" if len(violations) > 3 else ""
        super().__init__(reason, f"{listed}{more}", **metadata)
        self.violations = tuple(violations)

    @classmethod
    def of(
        cls, field: str, description: str, reason: Reason = Reason.INVALID_REQUEST
    ) -> "InvalidRequest":
        """The error for a single field."""
        return cls([FieldViolation(field, description)], reason)


class NotFound(OutboundSmsError):
    """No such thing in this instance; another instance's things are not told apart from none."""


class AlreadyExists(OutboundSmsError):
    """A name or key that must be unique is taken."""


class WrongState(OutboundSmsError):
    """The request is right but the system is not in a state for it; change that state first."""


class Conflict(OutboundSmsError):
    """Somebody else changed the thing meanwhile; read it again and repeat."""


class OutOfRange(OutboundSmsError):
    """A position that lies outside what is kept."""


class Unauthenticated(OutboundSmsError):
    """No credential, or one that is unknown, expired or revoked."""


class PermissionDenied(OutboundSmsError):
    """A valid credential whose role lacks a permission."""


class LimitExceeded(OutboundSmsError):
    """Too much at once; repeat after `retry_after` seconds."""

    def __init__(
        self, reason: Reason, message: str, *, retry_after: float, **metadata: str
    ) -> None:
        super().__init__(reason, message, **metadata)
        self.retry_after = retry_after


class Unavailable(OutboundSmsError):
    """The server cannot answer for now; repeat after `retry_after` seconds."""

    def __init__(
        self, reason: Reason, message: str, *, retry_after: float = 1.0, **metadata: str
    ) -> None:
        super().__init__(reason, message, **metadata)
        self.retry_after = retry_after


class DeadlineExceeded(OutboundSmsError):
    """The caller's deadline, or the server's own limit for a call, passed."""


class Violations:
    """Collects field violations, so that a caller hears of all of them in one answer."""

    def __init__(self) -> None:
        self._found: list[FieldViolation] = []

    def add(self, field: str, description: str) -> None:
        self._found.append(FieldViolation(field, description))

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_if_any(self) -> None:
        """Raises `InvalidRequest` with everything collected; does nothing when there is nothing."""
        if self._found:
            raise InvalidRequest(self._found)
