"""The child processes: PostgreSQL itself, and the programs that prepare its data."""

import asyncio
import os
import subprocess
import time
from pathlib import Path

from outbound_sms.postgres.folder import DataFolder
from outbound_sms.postgres.identity import Identity


class PostgresNotStarted(RuntimeError):
    """PostgreSQL could not be started; the message holds the end of its log, or what to change."""


def spawn(
    folder: DataFolder, identity: Identity, program: Path, *arguments: str
) -> "subprocess.Popen[bytes]":
    """Starts `program` as `identity`, with its output in the folder's log."""
    # PGDATA, PGHOST and their kind belong to some other server of this user.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    log = folder.open_log()
    try:
        return subprocess.Popen(
            identity.command(folder.path, program, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**environment, "LC_ALL": "C"},
            # Ctrl-C must reach this process alone: the server stops after the drain.
            start_new_session=True,
        )
    finally:
        os.close(log)


async def ended(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Whether the child ends within `seconds`. Needs no thread and no particular loop."""
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


async def run(
    folder: DataFolder, identity: Identity, seconds: float, program: Path, *arguments: str
) -> None:
    """Runs `program` to its end. Raises `PostgresNotStarted` when it fails or takes too long."""
    log_start = folder.log_size()
    process = spawn(folder, identity, program, *arguments)
    try:
        in_time = await ended(process, seconds)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if not in_time:
        raise PostgresNotStarted(f"{program.name} took longer than {seconds:g} s")
    if process.returncode != 0:
        raise PostgresNotStarted(f"{program.name} failed:\n{folder.log_since(log_start)}")
