"""A mock of Twilio made from Twilio's own OpenAPI description, as a process of its own.

It answers with the description's examples, and checks both requests and answers.
"""

import asyncio
import json
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until

_MODULES = Path(__file__).parents[2] / ".venv/node/node_modules"
_PRISM = _MODULES / ".bin/prism"
_DESCRIPTION = _MODULES / "@twilio/cli-core/src/services/twilio-api/twilio_api_v2010.json"
_PATH = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
_LISTENS = re.compile(r"listening on (http://\S+)")


@dataclass(frozen=True, slots=True)
class TwilioMock:
    """Where it listens, and the examples that it answers with."""

    url: str
    created: dict[str, Any]
    listed: list[dict[str, Any]]


@asynccontextmanager
async def twilio_mock(folder: Path) -> AsyncIterator[TwilioMock]:
    """Runs the mock; skips the tests where what it is made from is not installed."""
    if not (_PRISM.exists() and _DESCRIPTION.exists() and shutil.which("node")):
        pytest.skip("needs Node.js and its packages: install npm and run `make test`")
    description, created, listed = _describe()
    file, log = folder / "twilio.json", folder / "prism.log"
    file.write_text(json.dumps(description), encoding="utf-8")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(str(_PRISM), "mock", "--errors", "-h", "127.0.0.1", "-p", "0", str(file)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "NO_COLOR": "1"},
            start_new_session=True,
        )
    try:
        found = await wait_until(
            lambda: _LISTENS.search(log.read_text(encoding="utf-8")) or process.returncode,
            timeout=60,
            describe=f"the mock; see {log}",
        )
        assert isinstance(found, re.Match), log.read_text(encoding="utf-8")
        yield TwilioMock(found[1], created, listed)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _describe() -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """The description of the Messages resource, and the examples that the mock answers with.

    Changed in two places. Twilio's lists name their pages by paths, as its examples do, and not by
    whole addresses, as the description says. And the mock answers the same page to every request,
    so it must be the last one.
    """
    description = json.loads(_DESCRIPTION.read_text(encoding="utf-8"))
    path = description["paths"][_PATH]
    description["paths"] = {_PATH: path}
    lists = path["get"]["responses"]["200"]["content"]["application/json"]
    for name in ("uri", "first_page_uri", "next_page_uri", "previous_page_uri"):
        del lists["schema"]["properties"][name]["format"]
    for example in lists["examples"].values():
        example["value"]["next_page_uri"] = None
    answers = path["post"]["responses"]["201"]["content"]["application/json"]
    return (
        description,
        next(iter(answers["examples"].values()))["value"],
        next(iter(lists["examples"].values()))["value"]["messages"],
    )
