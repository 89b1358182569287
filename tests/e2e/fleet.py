"""Real processes of the product on one database, and the sandbox carrier that tells the truth."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from outbound_sms.cli.child import Child
from outbound_sms.store.pool import Pool

ACCOUNT, TOKEN = "AC" + "7" * 32, "a token of the tests"

_CARRIERS = """
[carrier.sandbox]
kind = "twilio"
base_url = "{url}"
account_sid = "{account}"
auth_token = "{token}"
lookup = {lookup}
total_timeout = 1.5
connect_timeout = 0.5
connections = 16
"""

QUICK = {
    "OUTBOUND_SMS_LISTEN": "127.0.0.1:0",
    "OUTBOUND_SMS_HTTP_LISTEN": "127.0.0.1:0",
    "OUTBOUND_SMS_LEASE": "6",
    "OUTBOUND_SMS_LOOK_UP_AFTER": "0.5,1.5,3",
    "OUTBOUND_SMS_DRAIN_WAIT": "0.2",
    "OUTBOUND_SMS_DRAIN_GRACE": "10",
}
"""Waits short enough for a test, in the proportions of the defaults."""


class Fleet:
    """Servers of several roles, each of which may be killed and started again."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._database_url = database_url
        self._folder = folder
        self._stack = AsyncExitStack()
        self._environment: dict[str, str] = {}
        self._started = 0
        self.carrier_url = ""
        self.receipts: Child | None = None

    @property
    def accept_log(self) -> Path:
        """What the sandbox has accepted, a JSON object a line: the oracle."""
        return self._folder / "accepted.jsonl"

    def accepted(self) -> Counter[tuple[str, str]]:
        """How often the sandbox accepted each (recipient, body)."""
        return Counter((entry["to"], entry["body"]) for entry in self.accept_entries())

    def accept_entries(self) -> list[dict[str, Any]]:
        """What the sandbox accepted, oldest first, as `Message.accepted_record` writes it.

        A line that it is just writing does not count: the submission is not answered yet.
        """
        with self.accept_log.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]

    async def start_carrier(self, *arguments: str, lookup: bool, doubt_limit: float = 60.0) -> None:
        """The sandbox at `carrier_url`, and one process for receipts and inbound texts.

        `doubt_limit`: seconds for which a look-up that fails or cannot tell is repeated.
        """
        self.accept_log.touch()
        sandbox = Child(
            "sandbox",
            [
                *("sandbox", "--port", "0", "--account-sid", ACCOUNT, "--auth-token", TOKEN),
                *("--accept-log", str(self.accept_log), *arguments),
            ],
            log=self._folder / "sandbox.log",
        )
        self._stack.push_async_callback(sandbox.stop)
        self.carrier_url = url = (await sandbox.start("sandbox"))["sandbox"]
        carriers = self._folder / "carriers.toml"
        carriers.write_text(
            _CARRIERS.format(url=url, account=ACCOUNT, token=TOKEN, lookup=str(lookup).lower()),
            encoding="utf-8",
        )
        self._environment = {
            **QUICK,
            "DATABASE_URL": self._database_url,
            "OUTBOUND_SMS_CARRIERS": str(carriers),
            "OUTBOUND_SMS_DOUBT_LIMIT": str(doubt_limit),
        }
        self.receipts = self.server("webhooks")
        self._environment["OUTBOUND_SMS_PUBLIC_URL"] = await self._reserve(self.receipts)

    async def _reserve(self, receipts: Child) -> str:
        # The receipts' process must know its own public address, so it takes a port first.
        started = await receipts.start("http")
        return started["http"]

    async def replace_receipts(self) -> None:
        """Starts the process for receipts and inbound texts anew, at the same address."""
        public = self._environment["OUTBOUND_SMS_PUBLIC_URL"]
        address = {"OUTBOUND_SMS_HTTP_LISTEN": public.removeprefix("http://")}
        self.receipts = self.server("webhooks", address)
        await self.receipts.start("http")

    def server(self, roles: str, environment: Mapping[str, str] | None = None) -> Child:
        """A server that is stopped at the end; start it with what it announces."""
        self._started += 1
        child = Child(
            f"{roles}-{self._started}",
            ["serve", "--roles", roles],
            environment={**self._environment, **(environment or {})},
            log=self._folder / f"{roles.replace(',', '-')}-{self._started}.log",
        )
        self._stack.push_async_callback(child.stop)
        return child

    async def close(self) -> None:
        """Stops whatever runs."""
        await self._stack.aclose()


@asynccontextmanager
async def fleet_of(database_url: str, folder: Path) -> AsyncIterator[Fleet]:
    """A fleet that is stopped at the end, with the ends of its logs shown if that fails."""
    fleet = Fleet(database_url, folder)
    try:
        yield fleet
    finally:
        await fleet.close()


async def remove_numbers_that_fail(pool: Pool) -> int:
    """Removes the numbers that the sandbox treats specially. Returns how many are left."""
    await pool.execute("DELETE FROM phone_number WHERE e164 LIKE '%555019_'")
    left: int = await pool.fetchval("SELECT count(*) FROM phone_number")
    return left


async def kill(child: Child) -> None:
    """Kills a process as a crash would, and waits until it is gone."""
    child.signal(signal.SIGKILL)
    await asyncio.wait_for(child.wait(), 10)
