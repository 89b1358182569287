"""The SMSC of the npm package `smpp`, in a process of its own, that tests steer."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tests" / "node" / "smpp_server.js"
MODULES = ROOT / ".venv" / "node" / "node_modules"
MOST_OF_A_LINE = 1_000_000


@dataclass
class NpmSmsc:
    """A running server. `events` is all that it has told so far; `port` is where it listens."""

    process: asyncio.subprocess.Process
    port: int
    events: list[dict[str, Any]] = field(default_factory=list)

    async def command(self, **command: Any) -> None:
        """Tells it something, and returns when it has done it."""
        done = self.count("done")
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        await wait_until(lambda: self.count("done") > done, describe=f"done: {list(command)}")

    async def set(self, **behaviour: Any) -> None:
        """Changes how it behaves; the names are in the script."""
        await self.command(set=behaviour)

    def of(self, event: str) -> list[dict[str, Any]]:
        """All events of this name, in order."""
        return [one for one in self.events if one["event"] == event]

    def count(self, event: str) -> int:
        return len(self.of(event))

    async def until(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Waits until it has told of so many of them."""
        await wait_until(lambda: self.count(event) >= count, describe=f"{count} {event}")
        return self.of(event)

    async def read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.events.append(json.loads(line))


def npm_modules() -> Path:
    """Where the package is. Skips the test when it is not there."""
    if not (MODULES / "smpp").exists():
        pytest.skip("npm's smpp is not installed: run `make test` with npm installed")
    return MODULES


@asynccontextmanager
async def running_smsc(*options: str) -> AsyncIterator[NpmSmsc]:
    """A server on a free port of 127.0.0.1, until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(SCRIPT),
        str(npm_modules()),
        *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=MOST_OF_A_LINE,
    )
    assert process.stdout is not None
    smsc = NpmSmsc(process, json.loads(await process.stdout.readline())["port"])
    reading = asyncio.create_task(smsc.read())
    try:
        yield smsc
    finally:
        process.kill()
        await process.wait()
        await reading
