"""The health service: whether load balancers should send calls here.

Our own servicer, because the library's holds a lock while it writes to a watcher, so that one slow
watcher delays the news for all, and its watches never end, so that they use up the time of a drain.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from outbound_sms.domain.errors import NotFound, Reason

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN

_INTERVAL = 1.0
_ANSWER_WITHIN = 1.0
_GONE_AFTER = 3.0

_log = structlog.get_logger("health")


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """One state for the server ("") and each of `services`: serving while the database answers.

    A carrier that fails is no reason to turn calls away: messages wait for it.
    """

    def __init__(self, services: Collection[str], ping: Callable[[], Awaitable[object]]) -> None:
        self._services = frozenset({"", *services})
        self._ping = ping
        self._serving = True
        self._draining = False
        self._changed = asyncio.Event()

    @property
    def serving(self) -> bool:
        """Whether the database answers and the server does not drain."""
        return self._serving and not self._draining

    def drain(self) -> None:
        """Says NOT_SERVING from now on, and ends the watches."""
        self._draining = True
        self._announce()

    async def run(self) -> None:
        """Asks the database every second; after 3 s without an answer it counts as gone."""
        answered = time.monotonic()
        asking: asyncio.Task[object] | None = None
        while not self._draining:
            if asking is None:
                asking = asyncio.ensure_future(self._ping())
            await asyncio.wait({asking}, timeout=_ANSWER_WITHIN)
            if asking.done():
                if not asking.cancelled() and asking.exception() is None:
                    answered = time.monotonic()
                asking = None
            self._set(time.monotonic() - answered < _GONE_AFTER)
            await asyncio.sleep(_INTERVAL)

    async def Check(self, request: Any, context: Any) -> Any:
        """The state now. NOT_FOUND for a service that this server does not have."""
        if request.service not in self._services:
            raise NotFound(Reason.INVALID_REQUEST, "This server has no such service.")
        return health_pb2.HealthCheckResponse(status=self._status(request.service))

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """The state now and after each change, until the server drains."""
        told = None
        while True:
            changed, status = self._changed, self._status(request.service)
            if status != told:
                told = status
                yield health_pb2.HealthCheckResponse(status=status)
            if self._draining:
                return
            await changed.wait()

    def _status(self, service: str) -> int:
        if service not in self._services:
            return int(UNKNOWN)
        return int(SERVING if self.serving else NOT_SERVING)

    def _set(self, serving: bool) -> None:
        if serving != self._serving:
            self._serving = serving
            _log.warning("health", serving=serving)
            self._announce()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
