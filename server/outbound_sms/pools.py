"""The connections of a process: a pool for each kind of work, so that none waits for another."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

import asyncpg

from outbound_sms.settings import Settings
from outbound_sms.store.pool import Pool, ServerTooOld, SessionRole, open_pool

API, DISPATCHER, WEBHOOKS = "api", "dispatcher", "webhooks"
"""Roles that a process may have."""

EXPANSION, QUEUE, SYSTEM, FIRING = "expansion", "queue", "system", "firing"
"""Pools besides the API's own."""

# The feed keeps two of them; the rest look up keys, store receipts and serve the operator.
SYSTEM_CONNECTIONS = 6
# As many instances can have what their events make written at the same time.
FIRING_CONNECTIONS = 4
# One each for expansion, for pausing and cancelling, for money and for its check; one to spare.
EXPANSION_CONNECTIONS = 5

SHORT, LONG = 5_000, 30_000
"""Milliseconds that a statement may take: what a caller waits for, and what nobody does."""


class CannotStart(RuntimeError):
    """The process cannot do its work as it is configured; the message says what to change."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the sessions of a pool are; `index_plans` as in `open_pool`."""

    role: SessionRole
    statement_timeout_ms: int
    index_plans: bool = False


_KINDS = {
    SYSTEM: _Kind(SessionRole.DISPATCHER, SHORT),
    API: _Kind(SessionRole.API, SHORT),
    FIRING: _Kind(SessionRole.API, SHORT, index_plans=True),
    EXPANSION: _Kind(SessionRole.DISPATCHER, LONG),
    QUEUE: _Kind(SessionRole.DISPATCHER, LONG, index_plans=True),
}


async def open_pools(settings: Settings, resources: AsyncExitStack) -> dict[str, Pool]:
    """The pools that the roles of the process need, by name; `resources` closes them.

    Raises CannotStart.
    """
    if settings.database_url is None:
        raise CannotStart(
            "Set DATABASE_URL to a PostgreSQL 15 or newer; `outbound-sms run` brings its own."
        )
    sizes = {SYSTEM: SYSTEM_CONNECTIONS}
    if API in settings.roles:
        sizes[API] = settings.api_connections
        sizes[FIRING] = FIRING_CONNECTIONS
    if DISPATCHER in settings.roles:
        sizes[EXPANSION] = EXPANSION_CONNECTIONS
        sizes[QUEUE] = settings.dispatcher_connections
    pools = {}
    for name, size in sizes.items():
        pools[name] = await _open(settings.database_url, name, size)
        resources.push_async_callback(pools[name].close)
    return pools


async def _open(url: str, name: str, size: int) -> Pool:
    kind = _KINDS[name]
    try:
        return await open_pool(
            url,
            min_size=min(2, size),
            max_size=size,
            application_name=f"outbound-sms {name}",
            statement_timeout_ms=kind.statement_timeout_ms,
            role=kind.role,
            index_plans=kind.index_plans,
        )
    except asyncpg.InvalidParameterValueError as error:
        # The roles are made with the schema.
        raise CannotStart("The database has no schema yet: run `outbound-sms migrate`.") from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise CannotStart(
            "The user of DATABASE_URL may not become the roles of the server: grant it "
            f"{' and '.join(SessionRole)}."
        ) from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise CannotStart(
            f"The database of DATABASE_URL cannot be used ({type(error).__name__}). Check that it "
            "runs, and its user and password."
        ) from error
    except ServerTooOld as error:
        raise CannotStart(str(error)) from error
