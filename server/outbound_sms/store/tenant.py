"""Whose rows a connection of the API may see: the second wall between tenants.

The first wall is that every query names the instance of the caller's key. The second is row level
security: PostgreSQL shows a session of the role `outbound_sms_api` only the rows of the instance
that its setting `app.instance_id` names, and none where it names none. Each time a connection is
taken from the pool, the setting becomes the tenant of the task that takes it.
"""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from outbound_sms.store.sql import load

if TYPE_CHECKING:
    _Base = asyncpg.Connection[asyncpg.Record]
else:
    _Base = asyncpg.Connection

_SQL = load("tenant")
_NOBODY = ""

_tenant: ContextVar[UUID | None] = ContextVar("tenant", default=None)


def set_tenant(instance_id: UUID | None) -> None:
    """Makes `instance_id` the tenant of this task; None is nobody, who sees nothing.

    The gate does it for the task of each RPC. A task that works for several tenants must do it
    before it takes a connection for one of them.
    """
    _tenant.set(instance_id)


class TenantConnection(_Base):
    """Remembers whom it serves, so that only a change of tenant costs a round trip."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # What the setting is; None when it is not known.
        self._serves: str | None = _NOBODY

    async def serve(self, instance_id: UUID | None) -> None:
        """Makes the session see the rows of the instance, or none."""
        wanted = str(instance_id) if instance_id is not None else _NOBODY
        if wanted == self._serves:
            return
        self._serves = None
        await self.fetchval(_SQL["serve"], wanted)
        self._serves = wanted

    async def reset(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Takes the session back to its start, which serves nobody."""
        self._serves = None
        await super().reset(timeout=timeout)
        self._serves = _NOBODY


async def serve_tenant(connection: Any) -> None:
    """What the API's pool does with each connection that it gives out."""
    await connection.serve(_tenant.get())
