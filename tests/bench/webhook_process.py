"""Servers that take webhooks, each in a process of its own.

`python -m tests.bench.webhook_process DATABASE_URL` runs a bare one: it answers each POST when it
has stored its body in a row. Prints its port.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from outbound_sms.cli.child import Child
from outbound_sms.pools import SYSTEM_CONNECTIONS
from outbound_sms.process import relax_collector
from outbound_sms.store.pool import open_pool

CARRIER, TOKEN = "bench", "token"
INSERT_TABLE = (
    "CREATE TABLE plain_text (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " body bytea NOT NULL)"
)

_CARRIERS = f"""
[carrier.{CARRIER}]
kind = "twilio"
account_sid = "AC{"0" * 32}"
auth_token = "{TOKEN}"
base_url = "http://127.0.0.1:9"
"""


@asynccontextmanager
async def product(dsn: str, roles: str) -> AsyncIterator[str]:
    """The address of `outbound-sms serve --roles ROLES` while the block runs."""
    with tempfile.TemporaryDirectory(prefix="outbound-sms-bench-") as name:
        folder = Path(name)
        carriers = folder / "carriers.toml"
        carriers.write_text(_CARRIERS, encoding="utf-8")
        server = Child(
            "server",
            ["serve", "--roles", roles],
            environment={
                "DATABASE_URL": dsn,
                "OUTBOUND_SMS_CARRIERS": str(carriers),
                "OUTBOUND_SMS_HTTP_LISTEN": "127.0.0.1:0",
            },
            log=folder / "server.log",
        )
        try:
            yield (await server.start("http"))["http"]
        finally:
            await server.stop()


@asynccontextmanager
async def bare(dsn: str) -> AsyncIterator[str]:
    """The address of the bare server while the block runs. Needs `INSERT_TABLE`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.webhook_process", dsn, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.kill()
        await process.wait()


async def _serve_bare(dsn: str) -> None:
    """Commits each body by itself, on as many connections as the product has for webhooks."""
    relax_collector()
    pool = await open_pool(
        dsn, min_size=2, max_size=SYSTEM_CONNECTIONS, application_name="bench bare"
    )

    async def store(request: web.Request) -> web.Response:
        await pool.execute("INSERT INTO plain_text (body) VALUES ($1)", await request.read())
        return web.Response(text="<Response/>", content_type="text/xml")

    app = web.Application()
    app.router.add_post("/{path:.*}", store)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve_bare(sys.argv[1]))
