"""PostgreSQL for all tests, and servers that break connections.

`pool` or `database_url` give a test its own migrated database; `database_url_15` the same on the
oldest PostgreSQL that is supported; `fresh_cluster` a server of its own, to be killed. Set
TEST_DATABASE_URL (of a superuser) to use a server that runs already. After the test the ledger of
its database is checked; `broken_ledger` marks a test that breaks it on purpose.
"""

import os
from collections.abc import AsyncIterator

import pytest

from outbound_sms.postgres.binaries import DEBIAN_FOLDER, binaries_in
from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store.migrate import migrate
from outbound_sms.store.pool import Pool, open_pool
from tests.clock import DatabaseClock, database_clock
from tests.databases import FAST_SETTINGS, IN_THE_FOLDER, Databases, temporary_cluster
from tests.ledger_guard import LedgerGuard
from tests.raw_server import StartServer, raw_servers


@pytest.fixture(scope="session")
async def databases() -> AsyncIterator[Databases]:
    """Where `database_url` gets its databases from."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        found = Databases(given)
        await found.prepare()
        yield found
        await found.discard()
        return
    async with temporary_cluster(FAST_SETTINGS) as server:
        found = Databases(server.dsn("postgres"))
        await found.prepare()
        yield found


@pytest.fixture(scope="session")
async def databases_15() -> AsyncIterator[Databases]:
    """The same on PostgreSQL 15, as Debian's package installs it."""
    folder = DEBIAN_FOLDER / "15" / "bin"
    if not (folder / "postgres").exists():
        pytest.skip("PostgreSQL 15 is not installed: apt-get install postgresql (Debian 12)")
    async with temporary_cluster(FAST_SETTINGS, binaries_in(folder)) as server:
        found = Databases(server.dsn("postgres"))
        await found.prepare()
        yield found


@pytest.fixture
def ledger_guard(request: pytest.FixtureRequest) -> LedgerGuard:
    """What checks the ledger of the test's database."""
    return LedgerGuard.of(request.node)


@pytest.fixture
async def database_url(databases: Databases, ledger_guard: LedgerGuard) -> AsyncIterator[str]:
    """The address of an empty, migrated database, for one test."""
    async with databases.database() as url:
        yield url
        await ledger_guard.check_at(url)


@pytest.fixture
async def database_url_15(
    databases_15: Databases, request: pytest.FixtureRequest
) -> AsyncIterator[str]:
    """The address of an empty, migrated database on PostgreSQL 15, for one test."""
    async with databases_15.database() as url:
        yield url
        await LedgerGuard.of(request.node).check_at(url)


@pytest.fixture
async def pool(database_url: str, ledger_guard: LedgerGuard) -> AsyncIterator[Pool]:
    """Connections to `database_url`, as its owner."""
    opened = await open_pool(
        database_url,
        min_size=1,
        max_size=10,
        application_name="tests",
        statement_timeout_ms=30_000,
    )
    yield opened
    try:
        await ledger_guard.check_over(opened)
    finally:
        opened.terminate()


@pytest.fixture
async def clock(database_url: str) -> AsyncIterator[DatabaseClock]:
    """The time in the sessions of `clock.dsn`, which a test may set."""
    async with database_clock(database_url) as made:
        yield made


@pytest.fixture
async def fresh_cluster(request: pytest.FixtureRequest) -> AsyncIterator[EmbeddedPostgres]:
    """A server for one test to kill and restart, with fsync and a migrated database."""
    async with temporary_cluster({**IN_THE_FOLDER, "shared_buffers": "64MB"}) as server:
        await migrate(server.dsn())
        yield server
        await LedgerGuard.of(request.node).check_at(server.dsn())


@pytest.fixture
async def raw_server() -> AsyncIterator[StartServer]:
    """Starts servers that are nothing but a socket: `server = raw_server(script)`."""
    async with raw_servers() as start:
        yield start
