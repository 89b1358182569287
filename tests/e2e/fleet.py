"""Real processes of the product on one database, and the sandbox carrier that tells the truth."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from outbound_sms.cli.child import PROGRAM, Child
from outbound_sms.store.pool import Pool
from tests.ports import lasting_port

ACCOUNT, TOKEN = "AC" + "7" * 32, "a token of the tests"

_CARRIER = """
[carrier.{name}]
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
        self._lookup = False
        self.carrier_url = ""
        self.receipts: Child | None = None

    @property
    def accept_log(self) -> Path:
        """What the sandbox has accepted, a JSON object a line: the oracle."""
        return self._folder / "accepted.jsonl"

    def logs(self) -> dict[str, str]:
        """What every process has logged, by the file."""
        return {path.name: path.read_text(encoding="utf-8") for path in self._folder.glob("*.log")}

    @property
    def public_url(self) -> str:
        """Where the process for receipts and inbound texts is."""
        return self._environment["OUTBOUND_SMS_PUBLIC_URL"]

    def accepted(self) -> Counter[tuple[str, str]]:
        """How often the sandbox accepted each (recipient, body)."""
        return Counter((entry["to"], entry["body"]) for entry in self.accept_entries())

    def accept_entries(self) -> list[dict[str, Any]]:
        """What the sandbox accepted, oldest first, as `Message.accepted_record` writes it.

        A line that it is just writing does not count: the submission is not answered yet.
        """
        with self.accept_log.open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]

    async def start_carrier(
        self,
        *arguments: str,
        lookup: bool,
        doubt_limit: float = 60.0,
        names: Iterable[str] = ("sandbox",),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """The sandbox at `carrier_url`, and one process for receipts and inbound texts.

        `doubt_limit`: seconds for which a look-up that fails or cannot tell is repeated. `names`:
        of the carriers that servers know, all of them the sandbox. `environment`: more of it, of
        every server.
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
        self.carrier_url = (await sandbox.start("sandbox"))["sandbox"]
        self._lookup = lookup
        self._environment = {
            **QUICK,
            "DATABASE_URL": self._database_url,
            "OUTBOUND_SMS_CARRIERS": self.carriers("carriers", names),
            "OUTBOUND_SMS_DOUBT_LIMIT": str(doubt_limit),
            **(environment or {}),
        }
        self._environment["OUTBOUND_SMS_PUBLIC_URL"] = f"http://127.0.0.1:{lasting_port()}"
        await self.replace_receipts()

    def carriers(self, file: str, names: Iterable[str]) -> str:
        """A carriers file, for a server that knows these names of the sandbox only."""
        path = self._folder / f"{file}.toml"
        lookup = str(self._lookup).lower()
        with path.open("w", encoding="utf-8") as lines:
            for name in names:
                lines.write(
                    _CARRIER.format(
                        name=name, url=self.carrier_url, account=ACCOUNT, token=TOKEN, lookup=lookup
                    )
                )
        return str(path)

    async def replace_receipts(self) -> None:
        """Starts the process for receipts and inbound texts, at the same address each time."""
        address = {"OUTBOUND_SMS_HTTP_LISTEN": self.public_url.removeprefix("http://")}
        self.receipts = self.server("webhooks", address)
        await self.receipts.start("http")

    def server(
        self, roles: str, environment: Mapping[str, str] | None = None, *, module: str = PROGRAM
    ) -> Child:
        """A server that is stopped at the end; start it with what it announces.

        `module` is what runs the command line.
        """
        self._started += 1
        child = Child(
            f"{roles}-{self._started}",
            ["serve", "--roles", roles],
            environment={**self._environment, **(environment or {})},
            log=self._folder / f"{roles.replace(',', '-')}-{self._started}.log",
            module=module,
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
