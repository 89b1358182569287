"""Servers that are started through the kill points, and seen to die there."""

import asyncio
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import grpc

from outbound_sms.cli.child import Child, ChildFailed
from outbound_sms.store.pool import Pool
from tests.e2e.fleet import Fleet
from tests.e2e.kill_points import ACCEPT_LOG, EXIT_CODE, KILL_POINTS, MARKER, POINT
from tests.e2e.kill_rounds import Call, Receipts, Texts
from tests.waiting import wait_until

PATIENCE = 60.0
# Of the servers that die, in seconds: nobody takes over their texts before the test says so.
LEASE = "3000"


@dataclass(frozen=True, slots=True)
class Seen:
    """How many texts of a round stand where: leased, intended to be handed over, said to be sent,
    and in the carrier's accept log."""

    leased: int
    intended: int
    sent: int
    accepted: int


class Deaths:
    """Starts servers of a fleet through the kill points, and sees them die there."""

    def __init__(self, fleet: Fleet, pool: Pool, folder: Path) -> None:
        self._fleet = fleet
        self._pool = pool
        self._folder = folder
        # Two at a time: more would only wait for a processor.
        self._turns = asyncio.Semaphore(2)
        self.died: Counter[str] = Counter()

    async def with_texts(self, point: str, texts: Texts) -> Seen:
        """A dispatcher dies handing over texts. Returns what is seen of them then."""
        async with self._turns:
            names = self._fleet.carriers(texts.carrier, [texts.carrier])
            child, marker = self._child(point, {"OUTBOUND_SMS_CARRIERS": names})
            await _start(child, "http")
            if point == "k12":
                await wait_until(lambda: self._accepted(texts), PATIENCE, "a text is handed over")
                child.signal(signal.SIGTERM)
            await self._see_dead(point, child, marker)
            return await self._seen(texts)

    async def with_call(self, point: str, call: Call) -> None:
        """A server dies with a call, which gets no answer."""
        async with self._turns:
            child, marker = self._child(point)
            address = await _start(child, "grpc")
            with suppress(grpc.aio.AioRpcError):
                answer = await call.make(address)
                raise AssertionError(f"{point} answered: {answer}")
            await self._see_dead(point, child, marker)

    async def with_receipts(self, point: str, receipts: Receipts) -> None:
        """A server dies with receipts. It must not have answered any: none was stored before."""
        async with self._turns:
            child, marker = self._child(point)
            answers = await receipts.post(await _start(child, "http"))
            await self._see_dead(point, child, marker)
            assert set(answers) == {0}, (point, answers)

    async def alone(self, point: str) -> None:
        """A server dies of what it finds to do, maybe before it has said that it is ready."""
        async with self._turns:
            child, marker = self._child(point)
            await _start(child, "http")
            await self._see_dead(point, child, marker)

    def _child(self, point: str, environment: dict[str, str] | None = None) -> tuple[Child, Path]:
        marker = self._folder / f"{point}-{uuid4()}.marker"
        child = self._fleet.server(
            KILL_POINTS[point].roles,
            {
                "OUTBOUND_SMS_LEASE": LEASE,
                POINT: point,
                MARKER: str(marker),
                ACCEPT_LOG: str(self._fleet.accept_log),
                **(environment or {}),
            },
            module="tests.e2e.kill_point_server",
        )
        return child, marker

    async def _see_dead(self, point: str, child: Child, marker: Path) -> None:
        code = await asyncio.wait_for(child.wait(), PATIENCE)
        assert code == EXIT_CODE, child.failure(f"ended with {code} and not at {point}")
        with marker.open(encoding="utf-8") as left:
            assert left.read() == point
        self.died[point] += 1

    def _accepted(self, texts: Texts) -> int:
        return sum(to in texts.phones for to, _ in self._fleet.accepted())

    async def _seen(self, texts: Texts) -> Seen:
        row = await self._pool.fetchrow(
            "SELECT count(d.owner) AS leased, count(d.submitting_time) AS intended, "
            "count(*) FILTER (WHERE m.status > 2) AS sent "
            "FROM message m LEFT JOIN dispatch d ON d.message_id = m.id WHERE m.id = ANY ($1)",
            texts.queued.message_ids,
        )
        assert row is not None
        return Seen(**row, accepted=self._accepted(texts))


async def _start(child: Child, awaited: str) -> str:
    """What it announces; empty when it was dead before."""
    try:
        return (await child.start(awaited))[awaited]
    except ChildFailed:
        if await child.wait() != EXIT_CODE:
            raise
        return ""
