"""Telling a database server that is away from a statement that is wrong."""

import asyncpg

_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    # A statement between the server's farewell and the closing of the connection.
    asyncpg.InternalClientError,
)


def is_unreachable(error: BaseException) -> bool:
    """Whether `error` means that the server is stopped, starting, killed, full or does not answer.

    The call may be repeated later. A statement that was under way may have been committed or not.
    """
    # asyncpg reports an argument of the wrong type as an InterfaceError that is a ValueError too.
    return isinstance(error, _AWAY) and not isinstance(error, ValueError)
