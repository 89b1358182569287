"""A whole server process with an SMSC in its carriers' file."""

import asyncio
import json
import signal
from pathlib import Path

from outbound_sms.cli.child import Child
from outbound_sms.store.pool import Pool
from tests.carriers.smpp.npm_smsc import NpmSmsc
from tests.dispatch.queue_factory import fill_queue
from tests.waiting import wait_until

RECIPIENTS = ["+12125550101", "+12125550102"]
DELIVERED = 4


def server(smsc: NpmSmsc, database_url: str, folder: Path, roles: str) -> Child:
    carriers = folder / "carriers.toml"
    carriers.write_text(
        f'[carrier.smsc]\nkind = "smpp"\nhost = "127.0.0.1"\nport = {smsc.port}\n'
        'system_id = "northwind"\npassword = "secret12"\n',
        encoding="utf-8",
    )
    environment = {
        "DATABASE_URL": database_url,
        "OUTBOUND_SMS_CARRIERS": str(carriers),
        "OUTBOUND_SMS_HTTP_LISTEN": "127.0.0.1:0",
        "OUTBOUND_SMS_DRAIN_WAIT": "0",
    }
    arguments = ["serve", "--roles", roles]
    return Child("server", arguments, environment=environment, log=folder / "log")


async def test_the_dispatcher_binds_sends_takes_receipts_and_unbinds(
    smsc: NpmSmsc, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    await smsc.set(receipts="after")
    child = server(smsc, database_url, tmp_path, "dispatcher")
    await child.start("http")
    try:
        await smsc.until("bind")
        await fill_queue(pool, 0, carrier="smsc", recipients=RECIPIENTS)

        async def delivered() -> bool:
            rows = await pool.fetch("SELECT status FROM message")
            return [row["status"] for row in rows] == [DELIVERED] * len(RECIPIENTS)

        await wait_until(delivered, 20, "all delivered")
        child.signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 30) == 0
    finally:
        await child.stop()
    assert smsc.count("unbind") == 1
    assert smsc.count("submit") == len(RECIPIENTS)
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert "secret12" not in log
    # What the last moments bring must still find the database.
    events = [json.loads(line) for line in log.splitlines()]
    steps = [one.get("step") for one in events if one["event"] in ("smpp session ended", "drained")]
    assert steps == [None, "dispatcher", "database"]


async def test_a_process_that_does_not_dispatch_does_not_bind(
    smsc: NpmSmsc, database_url: str, tmp_path: Path
) -> None:
    child = server(smsc, database_url, tmp_path, "webhooks")
    await child.start("http")
    try:
        child.signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 30) == 0
    finally:
        await child.stop()
    assert smsc.count("bind") == 0
