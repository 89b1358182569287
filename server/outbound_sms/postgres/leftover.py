"""What a killed parent leaves: a server that still shuts down, or a stale postmaster.pid."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class LeftoverServer(RuntimeError):
    """An earlier server in the same folder does not end."""


async def retire_leftover(cluster: Path, seconds: float) -> None:
    """Returns when no process works in `cluster` any more and no stale lock file is in the way.

    Only for whoever holds the folder's lock: then any server found there is an orphan, and is asked
    to stop. Raises `LeftoverServer` when it has not ended after `seconds`.
    """
    deadline = time.monotonic() + seconds
    asked = False
    while found := _processes_in(cluster):
        postmaster = _postmaster_pid(cluster)
        if postmaster in found and not asked:
            os.kill(postmaster, signal.SIGINT)
            asked = True
        if time.monotonic() > deadline:
            listed = ", ".join(str(pid) for pid in found)
            raise LeftoverServer(
                f"An earlier PostgreSQL in {cluster} did not stop within {seconds:g} s. "
                f"End it by hand (process {listed}) and start again."
            )
        await asyncio.sleep(0.02)
    if sys.platform == "linux":
        # PostgreSQL takes a zombie, or a program that got the old number, for a running server.
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def _processes_in(cluster: Path) -> list[int]:
    """Every server process has the data folder as its current directory; a zombie has none."""
    if sys.platform != "linux":
        return _postmaster_by_ps(cluster)
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if os.readlink(process / "cwd") == str(cluster):
                    found.append(int(process.name))
            except OSError:
                continue
    return found


def _postmaster_by_ps(cluster: Path) -> list[int]:
    pid = _postmaster_pid(cluster)
    if pid is None:
        return []
    command = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, timeout=10
    ).stdout
    return [pid] if str(cluster) in command else []


def _postmaster_pid(cluster: Path) -> int | None:
    try:
        return int((cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
