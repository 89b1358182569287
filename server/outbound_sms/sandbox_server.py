"""The HTTP server of a sandbox: a process of its own that plays a carrier or a payment gateway."""

import asyncio
import hmac
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Route = tuple[str, str, Handler]
"""Method, path and handler."""

_MAX_REQUEST = 64 * 1024
# Answers that are late on purpose must not hold up the end.
_SHUTDOWN_SECONDS = 0.2


def make_app(
    routes: Iterable[Route],
    *,
    authorization: str,
    unauthorised: Callable[[], web.StreamResponse],
    not_found: Callable[[], web.StreamResponse],
) -> web.Application:
    """An application with these routes, for requests with the header `Authorization` as given.

    `unauthorised` answers all others, `not_found` those that no route is for.
    """
    expected = authorization.encode()

    def authenticated(handler: Handler) -> Handler:
        async def check(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
            if not hmac.compare_digest(given, expected):
                return unauthorised()
            return await handler(request)

        return check

    async def nowhere(request: web.Request) -> web.StreamResponse:
        return not_found()

    app = web.Application(client_max_size=_MAX_REQUEST)
    for method, path, handler in (*routes, ("*", "/{any:.*}", nowhere)):
        app.router.add_route(method, path, authenticated(handler))
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serves until the block ends; gives the base URL. Port 0 takes a free one.

    Raises OSError when the address cannot be had.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_address=True).start()
        host, port = runner.addresses[0][:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def serve_until_told(name: str, app: web.Application, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT, after one line `NAME: http://HOST:PORT` when ready."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    async with serving(app, host, port) as url:
        sys.stdout.write(f"{name}: {url}\n")
        sys.stdout.flush()
        await stop.wait()
