"""Where a server can be made to die: for each point one function of the product, told by its name.

The product knows nothing of it. A process that is to die wraps the function before anything else
has imported it, and then runs the ordinary command line.
"""

import asyncio
import inspect
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import Enum, auto
from importlib import import_module
from pathlib import Path
from typing import Any

EXIT_CODE = 137
"""What the shell says of a process that was killed by SIGKILL."""

POINT, MARKER, ACCEPT_LOG = "KILL_POINT", "KILL_POINT_MARKER", "KILL_POINT_ACCEPT_LOG"
"""Environment of a process that is to die: the name of the point, the file that it leaves behind
when it does, and the accept log of the sandbox."""

_LOOK = 0.005


class When(Enum):
    """When the process dies, seen from the wrapped function."""

    AFTER = auto()
    """It has returned."""
    BEFORE_COMMIT = auto()
    """Its statements were executed, in a transaction that is not committed."""
    ACCEPTED = auto()
    """It waits for a carrier that has accepted the message."""


@dataclass(frozen=True, slots=True)
class KillPoint:
    """`function` is MODULE:NAME; it must have worked on something, shown by its result."""

    name: str
    function: str
    when: When
    roles: str


KILL_POINTS = {
    point.name: point
    for point in (
        KillPoint("k1", "store.mass_messages:insert_mass_message", When.AFTER, "api"),
        KillPoint("k2", "rpc.once:Once.run", When.AFTER, "api"),
        KillPoint("k3", "store.dispatch:claim", When.AFTER, "dispatcher"),
        KillPoint("k4", "store.dispatch:intend", When.AFTER, "dispatcher"),
        KillPoint("k5", "carriers.twilio:TwilioCarrier.submit", When.ACCEPTED, "dispatcher"),
        KillPoint("k6", "store.dispatch:settle", When.BEFORE_COMMIT, "dispatcher"),
        KillPoint("k7", "store.dispatch:settle", When.AFTER, "dispatcher"),
        KillPoint("k8", "store.receipts:store_receipts", When.AFTER, "webhooks"),
        KillPoint("k9", "store.receipts:apply_receipts", When.BEFORE_COMMIT, "dispatcher"),
        KillPoint("k10", "store.feed:tick", When.BEFORE_COMMIT, "api"),
        # k11, after the charge and before its record: test_top_up_kill, by the gateway's own delay.
        KillPoint("k12", "dispatch.lane:Lane.relinquish", When.AFTER, "dispatcher"),
    )
}


def arm_from_environment() -> None:
    """Wraps the function of the point that the environment names."""
    point = KILL_POINTS[os.environ[POINT]]
    module, _, path = f"outbound_sms.{point.function}".partition(":")
    owner: Any = import_module(module)
    *above, name = path.split(".")
    for each in above:
        owner = getattr(owner, each)
    setattr(owner, name, _dying(getattr(owner, name), point.when))


def _die() -> None:
    Path(os.environ[MARKER]).write_text(os.environ[POINT], encoding="utf-8")
    os._exit(EXIT_CODE)


def _dying(function: Callable[..., Any], when: When) -> Callable[..., Any]:
    if not inspect.iscoroutinefunction(function):
        return _dies_after_call(function)
    match when:
        case When.AFTER:
            return _dies_after(function)
        case When.BEFORE_COMMIT:
            return _dies_before_commit(function)
        case When.ACCEPTED:
            return _dies_when_accepted(function)


def _dies_after_call(function: Callable[..., Any]) -> Callable[..., Any]:
    def dying(*arguments: Any, **options: Any) -> None:
        function(*arguments, **options)
        _die()

    return dying


def _dies_after(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def dying(*arguments: Any, **options: Any) -> Any:
        result = await function(*arguments, **options)
        # What stores receipts returns nothing: it is called with some, or not at all.
        if result is None or result:
            _die()
        return result

    return dying


def _dies_before_commit(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The first argument is a pool or a connection."""

    async def dying(database: Any, *arguments: Any, **options: Any) -> Any:
        async with AsyncExitStack() as stack:
            if hasattr(database, "acquire"):
                database = await stack.enter_async_context(database.acquire())
            await stack.enter_async_context(database.transaction())
            result = await function(database, *arguments, **options)
            # A tick that another process makes returns a number below 0.
            if not isinstance(result, int) or result > 0:
                _die()
            return result

    return dying


def _dies_when_accepted(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def dying(carrier: Any, submission: Any) -> Any:
        call = asyncio.ensure_future(function(carrier, submission))
        while not call.done():
            await asyncio.wait({call}, timeout=_LOOK)
            if _accepted(submission.recipient):
                _die()
        return await call

    return dying


def _accepted(recipient: str) -> bool:
    lines = Path(os.environ[ACCEPT_LOG]).read_text(encoding="utf-8").splitlines(keepends=True)
    return any(json.loads(line)["to"] == recipient for line in lines if line.endswith("\n"))
