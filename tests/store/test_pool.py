"""What every session starts with, and how it gives up."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store import pool as pool_module
from outbound_sms.store.pool import Pool, ServerTooOld, SessionRole, open_pool
from outbound_sms.store.unreachable import is_unreachable
from tests.waiting import wait_until

ANY_FAILURE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@asynccontextmanager
async def opened(url: str, statement_timeout_ms: int = 5_000) -> AsyncIterator[Pool]:
    pool = await open_pool(
        url,
        min_size=1,
        max_size=3,
        application_name="pool test",
        statement_timeout_ms=statement_timeout_ms,
    )
    try:
        yield pool
    finally:
        pool.terminate()


async def settings_of(pool: Pool) -> dict[str, str]:
    rows = await pool.fetch("SELECT name, setting FROM pg_settings")
    return {row["name"]: row["setting"] for row in rows}


async def test_a_session_has_time_limits_and_speaks_utc(database_url: str) -> None:
    async with opened(database_url) as pool:
        settings = await settings_of(pool)
    wanted = {
        "application_name": "pool test",
        "TimeZone": "UTC",
        "jit": "off",
        "statement_timeout": "5000",
        "lock_timeout": "2000",
        "idle_in_transaction_session_timeout": "5000",
        "client_connection_check_interval": "1000",
        "transaction_timeout": "15000",
    }
    assert {name: settings[name] for name in wanted} == wanted


async def test_postgresql_15_gets_what_it_knows(database_url_15: str) -> None:
    async with opened(database_url_15) as pool:
        settings = await settings_of(pool)
    assert settings["statement_timeout"] == "5000"
    assert "transaction_timeout" not in settings


async def test_a_transaction_that_got_lost_is_not_handed_to_the_next_user(
    database_url: str,
) -> None:
    pool = await open_pool(database_url, min_size=1, max_size=1, application_name="tests")
    try:
        async with pool.acquire() as connection:
            await connection.execute("BEGIN; CREATE TABLE half_done (number int)")
        async with pool.acquire() as connection:
            assert not connection.is_in_transaction()
            assert await connection.fetchval("SELECT to_regclass('half_done')") is None
    finally:
        pool.terminate()


async def test_every_session_takes_the_role_that_was_asked_for(database_url: str) -> None:
    pool = await open_pool(
        database_url,
        min_size=1,
        max_size=1,
        application_name="tests",
        role=SessionRole.DISPATCHER,
    )
    try:
        for _ in range(2):
            assert await pool.fetchval("SELECT current_user") == "outbound_sms_dispatcher"
    finally:
        pool.terminate()


async def test_a_statement_ends_at_its_limit_and_the_connection_is_of_use_again(
    database_url: str,
) -> None:
    async with opened(database_url, statement_timeout_ms=100) as pool:
        with pytest.raises(asyncpg.QueryCanceledError):
            await pool.execute("SELECT pg_sleep(30)")
        assert await pool.fetchval("SELECT 1") == 1


async def test_a_transaction_ends_at_three_times_the_limit(database_url: str) -> None:
    async with opened(database_url, statement_timeout_ms=200) as pool:
        before = time.monotonic()
        with pytest.raises(ANY_FAILURE):
            async with pool.acquire() as connection, connection.transaction():
                while time.monotonic() - before < 10:
                    await connection.execute("SELECT pg_sleep(0.05)")
        assert time.monotonic() - before < 5


async def test_a_statement_whose_client_has_gone_is_stopped(database_url: str, pool: Pool) -> None:
    async with opened(database_url, statement_timeout_ms=60_000) as abandoned:
        connection = await abandoned.acquire()
        task = asyncio.create_task(connection.execute("SELECT pg_sleep(50), 'gone'"))

        async def sleepers() -> int:
            return int(
                await pool.fetchval(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE query LIKE '%''gone''' AND state = 'active'"
                )
            )

        await wait_until(sleepers, describe="the statement to run")
        abandoned.terminate()
        with pytest.raises(asyncpg.PostgresConnectionError):
            await task

        async def stopped() -> bool:
            return await sleepers() == 0

        await wait_until(stopped, timeout=5, describe="the statement to be stopped")


async def test_an_older_server_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "OLDEST_VERSION", 99)
    with pytest.raises(ServerTooOld, match="99 or newer is needed"):
        await open_pool(database_url, min_size=1, max_size=1, application_name="tests")


async def test_a_pool_works_again_when_the_server_does(fresh_cluster: EmbeddedPostgres) -> None:
    async with opened(fresh_cluster.dsn()) as pool:
        assert await pool.fetchval("SELECT 1") == 1
        await fresh_cluster.kill()

        async def failed() -> bool:
            # Sessions outlive their server by a moment.
            try:
                await pool.fetchval("SELECT 1")
            except ANY_FAILURE as error:
                assert is_unreachable(error)
                return True
            return False

        await wait_until(failed, 10, "the session ended")
        with pytest.raises(ANY_FAILURE, check=is_unreachable):
            await open_pool(fresh_cluster.dsn(), min_size=1, max_size=1, application_name="late")
        await fresh_cluster.start()
        assert await pool.fetchval("SELECT 1") == 1


async def test_a_wrong_argument_is_not_taken_for_a_server_that_is_away(pool: Pool) -> None:
    with pytest.raises(ANY_FAILURE, check=lambda error: not is_unreachable(error)):
        await pool.fetchval("SELECT $1::int", "text")
    with pytest.raises(ANY_FAILURE, check=lambda error: not is_unreachable(error)):
        await pool.fetchval("SELECT 1 / $1::int", 0)
