"""Several server processes on one port, kept running until they are told to stop."""

import asyncio
import signal
import socket
from collections.abc import Mapping, Sequence

import structlog

from outbound_sms.cli.child import Child, ChildFailed

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
STEADY_SECONDS = 10.0

_log = structlog.get_logger("supervisor")


class Supervisor:
    """Runs `processes` equal children and starts those again that end by themselves.

    SIGTERM and SIGINT reach all children; a second one makes them end at once.
    """

    def __init__(
        self, arguments: Sequence[str], processes: int, environment: Mapping[str, str]
    ) -> None:
        self._children = [
            Child(f"server process {number}", arguments, environment=environment)
            for number in range(1, processes + 1)
        ]
        self._stopping = asyncio.Event()

    async def start(self, *awaited: str) -> dict[str, str]:
        """Starts all children; returns what the first one wrote of the awaited names.

        Raises `ChildFailed` when one does not start; then none is left.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._forward, number)
        try:
            found = await asyncio.gather(*(child.start(*awaited) for child in self._children))
        except BaseException:
            await asyncio.gather(*(child.stop() for child in self._children))
            raise
        return found[0]

    async def wait(self, *awaited: str) -> None:
        """Returns when every child has ended after a signal."""
        await asyncio.gather(*(self._keep(child, awaited) for child in self._children))

    async def _keep(self, child: Child, awaited: Sequence[str]) -> None:
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        while True:
            started = loop.time()
            code = await child.wait()
            if self._stopping.is_set():
                return
            if loop.time() - started > STEADY_SECONDS:
                pause = FIRST_PAUSE
            _log.error("process ended", child=child.name, code=code, again_in=pause)
            if await self._stopped_within(pause):
                return
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                await child.start(*awaited)
            except ChildFailed as error:
                _log.error("process did not start", child=child.name, why=str(error))

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    def _forward(self, number: signal.Signals) -> None:
        self._stopping.set()
        for child in self._children:
            child.signal(number)


def reserve_port(host: str, port: int) -> socket.socket:
    """A socket that keeps a port for the processes that will share it; port 0 finds a free one.

    It never listens, so no connection goes to it. Close it when the processes have ended.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reserved = socket.socket(family, socket.SOCK_STREAM)
    try:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((host, port))
    except OSError:
        reserved.close()
        raise
    return reserved
