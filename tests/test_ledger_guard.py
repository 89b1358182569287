"""That a test which leaves a broken ledger fails, and one that may does not."""

import asyncpg
import pytest

from tests.databases import Databases
from tests.ledger_guard import LedgerGuard

pytestmark = pytest.mark.broken_ledger

MONEY_FROM_NOWHERE = (
    "INSERT INTO instance (name, country, currency, time_zone) "
    "VALUES ('Northwind', 'US', 'USD', 'America/New_York');"
    "SET session_replication_role = replica;"
    "UPDATE balance SET available_micros = 1"
)


@pytest.fixture
async def broken(database_url: str) -> str:
    """The address of a database with a balance that no entry accounts for."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(MONEY_FROM_NOWHERE)
    finally:
        await connection.close()
    return database_url


async def test_a_broken_ledger_fails_the_test_and_says_why(broken: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"I1 .*found a balance of 1 available"):
        await LedgerGuard(meant_to_break=False).check_at(broken)


async def test_it_is_checked_on_a_connection_of_the_pool(broken: str) -> None:
    async with asyncpg.create_pool(broken, min_size=1, max_size=1) as pool:
        guard = LedgerGuard(meant_to_break=False)
        with pytest.raises(pytest.fail.Exception, match="I5 "):
            await guard.check_over(pool)
        await guard.check_at("postgresql://nobody@nowhere.invalid/checked-already")
        pool.terminate()


async def test_with_no_connection_left_in_the_pool_one_more_is_made(broken: str) -> None:
    pool = await asyncpg.create_pool(broken, min_size=1, max_size=1)
    pool.terminate()
    guard = LedgerGuard(meant_to_break=False)
    await guard.check_over(pool)
    with pytest.raises(pytest.fail.Exception):
        await guard.check_at(broken)


async def test_a_test_that_is_meant_to_break_it_is_let_be(
    broken: str, request: pytest.FixtureRequest
) -> None:
    await LedgerGuard.of(request.node).check_at(broken)


async def test_a_database_that_is_gone_fails_the_test(databases: Databases) -> None:
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await LedgerGuard(meant_to_break=False).check_at(databases.url_of("nowhere"))
