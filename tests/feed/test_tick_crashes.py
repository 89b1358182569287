"""Tickers that are killed at any moment, and a database that crashes: the feed is still exact."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store import feed
from outbound_sms.store.pool import DATABASE_FAILURES, Pool, open_pool
from tests.feed.validators import check_counts, check_feed
from tests.feed.writer import Crowd

SECONDS = float(os.environ.get("FEED_STRESS_SECONDS", "6"))
CRASHES = 3
KILL_EVERY = 0.7
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def opened(server: EmbeddedPostgres) -> AsyncIterator[Pool]:
    pool = await open_pool(server.dsn(), min_size=0, max_size=14, application_name="stress")
    try:
        yield pool
    finally:
        pool.terminate()


def start_ticker(dsn: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.feed.ticker_process", dsn]
    path = os.pathsep.join([str(ROOT / "server"), str(ROOT)])
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL
    )


async def kill_tickers(dsn: str, done: asyncio.Event) -> int:
    """Keeps three tickers running, and kills one of them again and again."""
    tickers = [start_ticker(dsn) for _ in range(3)]
    kills = 0
    try:
        while not done.is_set():
            await asyncio.sleep(KILL_EVERY)
            unlucky = random.randrange(3)
            tickers[unlucky].kill()
            tickers[unlucky].wait()
            tickers[unlucky] = start_ticker(dsn)
            kills += 1
    finally:
        for ticker in tickers:
            ticker.kill()
            ticker.wait()
    return kills


async def write_through_crashes(pool: Pool, crowd: Crowd, seed: int, done: asyncio.Event) -> int:
    chance = random.Random(seed)
    committed = 0
    while not done.is_set():
        try:
            async with pool.acquire() as connection:
                while not done.is_set():
                    committed += await crowd.write(connection, chance)
        except DATABASE_FAILURES:
            await asyncio.sleep(0.05)
    return committed


async def test_killed_tickers_and_a_crashing_database_lose_nothing(
    fresh_cluster: EmbeddedPostgres,
) -> None:
    crowd, done = Crowd(), asyncio.Event()
    async with opened(fresh_cluster) as pool:
        await crowd.fill(pool)
        writers = [
            asyncio.create_task(write_through_crashes(pool, crowd, seed, done))
            for seed in range(12)
        ]
        killer = asyncio.create_task(kill_tickers(fresh_cluster.dsn(), done))
        began = time.monotonic()
        for crash in range(1, CRASHES + 1):
            await asyncio.sleep(max(0, began + crash * SECONDS / (CRASHES + 1) - time.monotonic()))
            await fresh_cluster.kill()
            await fresh_cluster.start()
        await asyncio.sleep(SECONDS / (CRASHES + 1))
        done.set()
        committed = await asyncio.gather(*writers)
        assert await killer >= 3
    async with opened(fresh_cluster) as pool:
        async with pool.acquire() as connection:
            while await feed.tick(connection) != 0:
                pass
        assert await check_feed(pool) > sum(committed) > 100
        await check_counts(pool)
