"""The HTTP side of a process: carriers' receipts, and what Prometheus reads."""

import socket
from types import TracebackType
from typing import Self

from aiohttp import web

SHUTDOWN_SECONDS = 2.0


class HttpSide:
    """Listens on one address. The port is known before the application is built, since carriers are
    told the address in every call."""

    def __init__(self, address: str, *, reuse_port: bool) -> None:
        """Binds `HOST:PORT`; port 0 takes a free one. Raises OSError when it cannot be had."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._socket.bind((host, int(port)))
        except OSError:
            self._socket.close()
            raise
        bound = self._socket.getsockname()[1]
        self.url = f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
        self._runner: web.AppRunner | None = None

    async def start(self, app: web.Application) -> None:
        """Serves the application."""
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def close(self) -> None:
        """Answers what was asked and takes no more."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._socket.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
