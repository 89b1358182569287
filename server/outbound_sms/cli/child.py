"""Processes of this program as children of another: started, waited for, and stopped with it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from outbound_sms.cli.parent import TIED

PROGRAM = "outbound_sms.cli.main"
START_SECONDS = 60.0
STOP_SECONDS = 50.0
LOG_LINES = 15


class ChildFailed(RuntimeError):
    """A child ended though nobody asked it to; the message holds the end of what it wrote."""


class Child:
    """One process that runs `outbound-sms ARGUMENTS`, or another module with a command line.

    It is in a session of its own, so that Ctrl-C reaches only this process, which then stops its
    children in the right order. When this process ends in any way, the child is asked to stop. What
    it logs goes to `log`, or where this process logs when that is None.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        module: str = PROGRAM,
    ) -> None:
        self.name = name
        self._command = [sys.executable, "-m", module, *arguments]
        self._environment = {**os.environ, **(environment or {}), TIED: "1"}
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process number while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    async def start(self, *awaited: str) -> dict[str, str]:
        """Starts it and returns when it has written a line `NAME: VALUE` for each awaited name.

        Raises `ChildFailed` when it ends before, or takes longer than a minute.
        """
        log = self._log.open("ab") if self._log is not None else None
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        finally:
            if log is not None:
                log.close()
        try:
            async with asyncio.timeout(START_SECONDS):
                found = await self._read_until(self._process, awaited)
        except TimeoutError:
            await self.stop()
            raise self.failure(f"was not ready within {START_SECONDS:g} s") from None
        self._reader = asyncio.create_task(_discard(self._process))
        return found

    async def wait(self) -> int:
        """Returns its exit code when it has ended."""
        assert self._process is not None, "start it first"
        return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal; does nothing when it does not run."""
        if self.pid is not None and self._process is not None:
            self._process.send_signal(number)

    async def stop(self) -> None:
        """Asks it to stop, and kills it when it has not after the longest drain."""
        if self._process is None:
            return
        self.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self._process.wait()
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    def failure(self, what: str) -> ChildFailed:
        """The error that says what happened to the child, with the end of its log."""
        if self._log is None or not self._log.exists():
            return ChildFailed(f"The {self.name} {what}.")
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        end = "\n".join(lines[-LOG_LINES:])
        return ChildFailed(f"The {self.name} {what}. The end of {self._log}:\n{end}")

    async def _read_until(
        self, process: asyncio.subprocess.Process, awaited: Sequence[str]
    ) -> dict[str, str]:
        found: dict[str, str] = {}
        assert process.stdout is not None
        while not found.keys() >= set(awaited):
            line = (await process.stdout.readline()).decode(errors="replace")
            if not line:
                code = await process.wait()
                raise self.failure(f"ended with code {code} before it was ready")
            name, separator, value = line.partition(": ")
            if separator:
                found[name] = value.strip()
        return found


async def _discard(process: asyncio.subprocess.Process) -> None:
    """Keeps a child from blocking on a full pipe."""
    assert process.stdout is not None
    while await process.stdout.read(65536):
        pass
