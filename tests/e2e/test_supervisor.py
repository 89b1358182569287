"""`outbound-sms serve --processes N`: several processes, one port."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from outbound_sms.cli.child import Child
from outbound_sms.store.pool import Pool
from outboundsms import OutboundSmsError, connect
from outboundsms.v1 import settings_pb2
from tests.services.running import Tenant, make_tenant
from tests.waiting import wait_until


async def test_a_process_that_dies_is_replaced_and_a_signal_stops_all(
    database_url: str, pool: Pool, tmp_path: Path
) -> None:
    tenant = await make_tenant(pool)
    environment = {
        "DATABASE_URL": database_url,
        "OUTBOUND_SMS_HTTP_LISTEN": "127.0.0.1:0",
        "OUTBOUND_SMS_DRAIN_WAIT": "0",
    }
    arguments = ["serve", "--processes", "2", "--listen", "127.0.0.1:0"]
    supervisor = Child("supervisor", arguments, environment=environment, log=tmp_path / "log")
    target = (await supervisor.start("grpc"))["grpc"]
    try:
        before = _children(supervisor)
        assert len(before) == 2
        await _call(target, tenant)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)

        def replaced() -> bool:
            now = _children(supervisor)
            return len(now) == 2 and victim not in now

        await wait_until(replaced, 20, "the process was replaced")
        await _call(target, tenant)
        children = _children(supervisor)
        (slow,) = before - {victim}
        os.kill(slow, signal.SIGSTOP)
        supervisor.signal(signal.SIGTERM)
        await wait_until(lambda: _running(children) == {slow}, 20, "the other child has ended")
        # Whoever restarts the supervisor must find its ports free, so it waits for all.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(supervisor.wait(), 1)
        os.kill(slow, signal.SIGCONT)
        assert await asyncio.wait_for(supervisor.wait(), 20) == 0
    finally:
        await supervisor.stop()
    assert not _running(children)


async def _call(target: str, tenant: Tenant) -> None:
    """Succeeds within a few tries, also while one of the processes is on its way."""
    async with connect(target, tenant.key) as client, asyncio.timeout(20):
        while True:
            try:
                await client.settings.GetSmsSettings(settings_pb2.GetSmsSettingsRequest())
            except OutboundSmsError as error:
                assert not error.reason, error
                await asyncio.sleep(0.1)
            else:
                return


def _running(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def _children(child: Child) -> set[int]:
    text = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text()
    return {int(pid) for pid in text.split()}
