"""What a failure of the database means to the caller of an RPC."""

from collections.abc import Callable

import asyncpg

from outbound_sms.domain.errors import (
    Conflict,
    DeadlineExceeded,
    InvalidRequest,
    OutboundSmsError,
    Reason,
    Unavailable,
)
from outbound_sms.store.unreachable import is_unreachable


def _unavailable() -> OutboundSmsError:
    return Unavailable(
        Reason.DATABASE_UNAVAILABLE, "The database does not answer; repeat after the delay."
    )


def _conflict() -> OutboundSmsError:
    return Conflict(Reason.CONFLICT, "Another change got in the way; repeat the call.")


def _too_slow() -> OutboundSmsError:
    return DeadlineExceeded(
        Reason.DEADLINE_EXCEEDED, "The call took longer than the server allows; ask for less."
    )


def _not_storable() -> OutboundSmsError:
    return InvalidRequest.of("request", "holds a value that cannot be stored; check its texts")


# By the nearest class. Everything that is not here is a defect of ours, and INTERNAL.
_MEANINGS: dict[type[BaseException], Callable[[], OutboundSmsError]] = {
    asyncpg.PostgresConnectionError: _unavailable,
    asyncpg.InsufficientResourcesError: _unavailable,
    asyncpg.OperatorInterventionError: _unavailable,
    asyncpg.ReadOnlySQLTransactionError: _unavailable,
    asyncpg.InvalidAuthorizationSpecificationError: _unavailable,
    asyncpg.InvalidCatalogNameError: _unavailable,
    TimeoutError: _unavailable,
    asyncpg.QueryCanceledError: _too_slow,
    asyncpg.TransactionTimeoutError: _too_slow,
    asyncpg.IdleInTransactionSessionTimeoutError: _too_slow,
    asyncpg.SerializationError: _conflict,
    asyncpg.DeadlockDetectedError: _conflict,
    asyncpg.LockNotAvailableError: _conflict,
    asyncpg.CharacterNotInRepertoireError: _not_storable,
    asyncpg.UntranslatableCharacterError: _not_storable,
    asyncpg.NumericValueOutOfRangeError: _not_storable,
    asyncpg.DatetimeFieldOverflowError: _not_storable,
}


def meaning_of(error: BaseException) -> OutboundSmsError | None:
    """The failure that the caller hears of, or None for a defect."""
    for kind in type(error).__mro__:
        if kind in _MEANINGS:
            return _MEANINGS[kind]()
    # Of the client library's own errors only these are about connections; others are defects.
    if isinstance(error, asyncpg.InterfaceError) and not _says_closed(str(error)):
        return None
    return _unavailable() if is_unreachable(error) else None


def _says_closed(text: str) -> bool:
    return "is closed" in text or "is closing" in text or "has been closed" in text
