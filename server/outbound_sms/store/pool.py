"""Connections to PostgreSQL, with time limits that keep one bad session from stopping the rest."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from outbound_sms.store.tenant import TenantConnection, serve_tenant

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Pool: TypeAlias = asyncpg.Pool
    Connection: TypeAlias = asyncpg.Connection

# What store functions take: a connection in the caller's transaction, or the pool for a statement.
Database: TypeAlias = Pool | Connection

DATABASE_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # A query that meets the end of a connection that the server has just closed.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What a query may raise when the database is away; background work waits and repeats."""

INDEX_PLANS = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}


class SessionRole(StrEnum):
    """What a session may see and change; migration 0004 grants it."""

    API = "outbound_sms_api"
    """The rows of one instance at a time, that of the caller."""
    DISPATCHER = "outbound_sms_dispatcher"
    """Every instance's rows, for the queue, the feed, and the operator of the platform."""


OLDEST_VERSION = 15
CONNECT_TIMEOUT = 10.0
# The server's own limit comes first; the client's is for a server that no longer answers at all.
COMMAND_TIMEOUT_MARGIN = 2.0
# Longer statements are planned anew each time, which takes longer than to run them; asyncpg's own
# limit is shorter than the longest of ours.
LONGEST_PREPARED = 65_536


class ServerTooOld(RuntimeError):
    """The database server is older than the schema can be used on."""


async def open_pool(
    dsn: str,
    *,
    min_size: int,
    max_size: int,
    application_name: str,
    statement_timeout_ms: int = 5_000,
    role: SessionRole | None = None,
    index_plans: bool = False,
) -> Pool:
    """A pool whose sessions speak UTC and give up on their own.

    A statement may take `statement_timeout_ms`, a transaction three times that (PostgreSQL 17 and
    newer), a wait for a lock 2 s, and a transaction that does nothing ends after 5 s. A statement
    whose client has gone is stopped within 1 s. `role` is what every session becomes (SET ROLE);
    without one it stays the login's. A session of the API sees what `set_tenant` says.
    Callers bound the wait for a free connection with `pool.acquire(timeout=...)`.
    `index_plans`: every statement is planned once, by indexes and nested loops. For the queue: its
    statements touch few rows, and its tables grow and shrink faster than statistics follow, so that
    the planner, left alone, scans them from end to end (measured: 60 ms instead of 5 for a batch).

    Raises `ServerTooOld`, or asyncpg's and the system's errors when the server cannot be reached.
    """
    settings = session_settings(application_name, statement_timeout_ms)
    if role is not None:
        settings["role"] = role.value
    if index_plans:
        settings |= INDEX_PLANS
    version = await _try_settings(dsn, settings)
    if version < OLDEST_VERSION:
        raise ServerTooOld(
            f"The database server is PostgreSQL {version}; {OLDEST_VERSION} or newer is needed."
        )
    if version >= 17:
        settings["transaction_timeout"] = str(3 * statement_timeout_ms)
    tenants: dict[str, Any] = {}
    if role is SessionRole.API:
        tenants = {"connection_class": TenantConnection, "setup": serve_tenant}
    return await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT,
        command_timeout=statement_timeout_ms / 1000 + COMMAND_TIMEOUT_MARGIN,
        server_settings=settings,
        max_cacheable_statement_size=LONGEST_PREPARED,
        reset=_reset,
        **tenants,
    )


async def _reset(connection: Connection) -> None:
    """Spares a round trip for each use: asyncpg has ended what was open by now, and nothing else
    changes a session but its tenant, which is set with each use."""


def session_settings(application_name: str, statement_timeout_ms: int) -> dict[str, str]:
    """What every session starts with on every server version; RESET ALL goes back to it."""
    return {
        "application_name": application_name,
        "TimeZone": "UTC",
        "jit": "off",
        "statement_timeout": str(statement_timeout_ms),
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "5s",
        "client_connection_check_interval": "1s",
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
    }


async def _try_settings(dsn: str, settings: dict[str, str]) -> int:
    """Drops what the server's system does not have from `settings`; returns the major version."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT, server_settings=settings)
    except asyncpg.InvalidParameterValueError:
        # Some systems cannot tell a server that a client hung up, and refuse any value but 0.
        del settings["client_connection_check_interval"]
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT, server_settings=settings)
    try:
        return connection.get_server_version().major
    finally:
        await connection.close()
