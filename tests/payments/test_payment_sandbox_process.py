"""The sandbox as the process that people and the demo start."""

import asyncio
import signal
import sys

import pytest

from outbound_sms.payments.gateway import Paid
from tests.payments.harness import API_KEY, Connect, make_charge


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "outbound_sms.payments.sandbox", "--api-key", API_KEY, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_it_says_where_it_listens_charges_and_ends_when_asked(connect: Connect) -> None:
    process = await start()
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        name, _, url = line.strip().partition(": ")
        assert name == "payments"
        async with connect(url) as gateway:
            assert isinstance(await gateway.charge(make_charge()), Paid)
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 30)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize("listen", ["8080", "host:port", "127.0.0.1:70000", ":1"])
async def test_an_address_that_is_none_is_refused(listen: str) -> None:
    process = await start("--listen", listen)
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 2
    assert b"must be HOST:PORT" in errors
