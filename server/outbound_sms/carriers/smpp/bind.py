"""Keeps one session with an SMSC bound: made anew, after a pause, whenever it ends."""

import asyncio
import contextlib
import random
from collections.abc import Callable

import structlog

from outbound_sms import metrics
from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.carriers.smpp.session import CannotBind, Session

_log = structlog.get_logger(__name__)

_STEADY = 10.0
"""Seconds bound after which a lost session does not count as another failure in a row."""


class Bind:
    """One of a carrier's binds. `session` is there while it is bound."""

    def __init__(self, config: SmppConfig, make: Callable[[], Session]) -> None:
        self._config = config
        self._make = make
        self._stop = asyncio.Event()
        self._chance = random.Random()
        self.session: Session | None = None

    async def keep(self) -> None:
        """Binds again and again until `close`."""
        failures = 0
        while not self._stop.is_set():
            lasted = await self._once()
            failures = 0 if lasted > _STEADY else failures + 1
            if self._stop.is_set():
                return
            metrics.SMPP_RECONNECTS.labels(self._config.name).inc()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause(failures)):
                    await self._stop.wait()

    async def close(self) -> None:
        """Makes no session any more, and ends the one there is as SMPP asks."""
        self._stop.set()
        session = self.session
        if session is not None:
            await session.close()

    async def _once(self) -> float:
        """Makes one session and returns when it has ended, with the seconds that it was bound."""
        name = self._config.name
        session = self._make()
        try:
            await session.open()
            _log.info("smpp bound", action="bind", carrier=name)
            return await self._keep_open(session)
        except CannotBind as error:
            _log.warning("smpp not bound", action="bind", carrier=name, why=str(error))
            return 0.0
        finally:
            session.abandon()

    async def _keep_open(self, session: Session) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        bound = metrics.SMPP_BOUND.labels(self._config.name)
        bound.inc()
        self.session = session
        try:
            await session.keep()
        finally:
            self.session = None
            bound.dec()
        return loop.time() - began

    def _pause(self, failures: int) -> float:
        """Seconds until the next try: doubled each time, and less by up to half, so that many
        processes do not come back together."""
        config = self._config
        longest = config.reconnect_first * 2.0 ** min(max(failures - 1, 0), 16)
        return min(longest, config.reconnect_most) * self._chance.uniform(0.5, 1.0)
