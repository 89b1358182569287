"""Real processes of the program, as a person starts them."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-m", "outbound_sms.cli.main"]
SECONDS = 60.0
# A variable of the machine that runs the tests must not reach the programs.
CLEARED = ("DATABASE_URL", "OUTBOUND_SMS_TARGET", "OUTBOUND_SMS_API_KEY")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it wrote."""

    code: int
    output: str
    errors: str

    def json(self) -> Any:
        """The only line of output, decoded."""
        return json.loads(self.output)

    def json_lines(self) -> list[Any]:
        """Every line of output, decoded."""
        return [json.loads(line) for line in self.output.splitlines()]


async def run_program(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Ran:
    """Runs `outbound-sms ARGUMENTS` in `folder` to its end."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *arguments,
        cwd=folder,
        env=clean_environment(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS):
        output, errors = await process.communicate()
    return Ran(process.returncode or 0, output.decode(), errors.decode())


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would point programs elsewhere."""
    kept = {name: value for name, value in os.environ.items() if name not in CLEARED}
    return {**kept, **(more or {})}
