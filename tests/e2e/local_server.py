"""`outbound-sms run` in a folder of its own, as a person starts it, and its example ISP."""

import asyncio
import csv
import signal
from dataclasses import dataclass
from pathlib import Path

from outbound_sms.cli.demo.example import FOLDER
from tests.e2e.processes import PROGRAM, Ran, clean_environment, run_program

SITE = "North Ridge"
SUBSCRIBERS = 40


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A running server, and what it printed when it was ready."""

    folder: Path
    process: asyncio.subprocess.Process
    lines: list[str]

    async def program(self, *arguments: str) -> Ran:
        """Runs a command beside it, as in a second terminal."""
        return await run_program(*arguments, folder=self.folder)


def write_example(folder: Path) -> Path:
    """The example ISP with few subscribers, all of one network site, and a row that is wrong."""
    (folder / "instance.json").write_bytes((FOLDER / "instance.json").read_bytes())
    with (FOLDER / "subscribers.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file))
    site = header.index("Network Sites")
    chosen = [row for row in rows if len(row) == len(header) and row[site] == SITE][:SUBSCRIBERS]
    with (folder / "subscribers.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *chosen, ["", "No Number", *chosen[0][2:]]])
    return folder


async def start(folder: Path) -> LocalServer:
    """Starts it in `folder` and returns when it is ready."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("run", "--listen", "127.0.0.1:0"),
        cwd=folder,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(60):
        while len(lines) < 5:
            line = await process.stdout.readline()
            assert line, "run ended before it was ready"
            lines.append(line.decode().rstrip())
    return LocalServer(folder, process, lines)


async def add_funds(server: LocalServer) -> None:
    """Gives the instance 100 USD, charged to nobody."""
    ran = await server.program("billing", "add-funds", "100", "--yes")
    assert ran.code == 0, ran


async def interrupt(process: asyncio.subprocess.Process) -> None:
    """Presses Ctrl-C, and returns when the process has ended."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        await process.wait()
