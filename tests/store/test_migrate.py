"""Migrations: each applied once, in order, wholly or not at all."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg
import pytest

from outbound_sms.store.migrate import MIGRATIONS, MigrationError, migrate, read_migrations
from outbound_sms.store.pool import Pool
from tests.databases import Databases

FIRST = "CREATE TABLE step (number int); INSERT INTO step VALUES (1);"
SECOND = "INSERT INTO step VALUES (2);"


@pytest.fixture
async def empty_url(databases: Databases) -> AsyncIterator[str]:
    """A database without any table."""
    async with databases.database(migrated=False) as url:
        yield url


def write(folder: Path, scripts: Mapping[str, str]) -> Path:
    for name, script in scripts.items():
        (folder / name).write_text(script)
    return folder


async def steps(url: str) -> list[int]:
    connection = await asyncpg.connect(url)
    try:
        return [row["number"] for row in await connection.fetch("SELECT number FROM step")]
    finally:
        await connection.close()


async def test_what_is_missing_is_applied_once_and_in_order(empty_url: str, tmp_path: Path) -> None:
    folder = write(tmp_path, {"0001_first.sql": FIRST})
    assert [migration.name for migration in await migrate(empty_url, folder)] == ["first"]
    assert await migrate(empty_url, folder) == []
    write(tmp_path, {"0002_second.sql": SECOND, "0003_third.sql": "INSERT INTO step VALUES (3);"})
    assert [migration.number for migration in await migrate(empty_url, folder)] == [2, 3]
    assert await steps(empty_url) == [1, 2, 3]


async def test_processes_that_start_together_apply_each_file_once(
    empty_url: str, tmp_path: Path
) -> None:
    slow = "SELECT pg_sleep(0.1);" + SECOND
    folder = write(tmp_path, {"0001_first.sql": FIRST, "0002_second.sql": slow})
    applied = await asyncio.gather(*(migrate(empty_url, folder) for _ in range(8)))
    assert sorted(len(each) for each in applied) == [0] * 7 + [2]
    assert await steps(empty_url) == [1, 2]


async def test_a_failing_file_leaves_no_trace_and_can_be_repeated(
    empty_url: str, tmp_path: Path
) -> None:
    broken = SECOND + "SELECT no_such_function();"
    folder = write(tmp_path, {"0001_first.sql": FIRST, "0002_second.sql": broken})
    with pytest.raises(asyncpg.UndefinedFunctionError):
        await migrate(empty_url, folder)
    assert await steps(empty_url) == [1]
    write(tmp_path, {"0002_second.sql": SECOND})
    assert [migration.number for migration in await migrate(empty_url, folder)] == [2]
    assert await steps(empty_url) == [1, 2]


async def test_a_file_that_changed_after_it_was_applied_is_refused(
    empty_url: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, {"0001_first.sql": FIRST})
    await migrate(empty_url, folder)
    write(tmp_path, {"0001_first.sql": FIRST + "\n", "0002_second.sql": SECOND})
    with pytest.raises(MigrationError, match=r"migration 1 \(first\) .* changed afterwards"):
        await migrate(empty_url, folder)
    assert await steps(empty_url) == [1]


async def test_line_endings_do_not_count_as_a_change(empty_url: str, tmp_path: Path) -> None:
    folder = write(tmp_path, {"0001_first.sql": FIRST + "\n"})
    await migrate(empty_url, folder)
    (tmp_path / "0001_first.sql").write_bytes(FIRST.encode() + b"\r\n")
    assert await migrate(empty_url, folder) == []


@pytest.mark.parametrize(
    "names",
    [["0002_second.sql"], ["0001_first.sql", "0003_third.sql"], ["0001_a.sql", "0001_b.sql"]],
)
def test_numbers_must_have_no_gap_and_no_twin(names: list[str], tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(names, FIRST))
    with pytest.raises(MigrationError, match="numbered 1, 2, 3"):
        read_migrations(tmp_path)


def test_a_file_with_an_odd_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"0001-first.sql": FIRST})
    with pytest.raises(MigrationError, match=r"0001-first\.sql"):
        read_migrations(tmp_path)


async def test_a_gap_in_the_database_is_refused(empty_url: str, tmp_path: Path) -> None:
    folder = write(tmp_path, {"0001_first.sql": FIRST, "0002_second.sql": SECOND})
    await migrate(empty_url, folder)
    connection = await asyncpg.connect(empty_url)
    await connection.execute("DELETE FROM schema_migration WHERE number = 1")
    await connection.close()
    with pytest.raises(MigrationError, match="lacks a migration"):
        await migrate(empty_url, folder)


async def test_an_older_program_leaves_a_newer_database_alone(
    empty_url: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, {"0001_first.sql": FIRST, "0002_second.sql": SECOND})
    await migrate(empty_url, folder)
    (folder / "0002_second.sql").unlink()
    assert await migrate(empty_url, folder) == []


async def test_a_connection_of_the_caller_stays_open_and_unlocked(
    empty_url: str, tmp_path: Path
) -> None:
    folder = write(tmp_path, {"0001_first.sql": FIRST})
    connection = await asyncpg.connect(empty_url)
    try:
        assert len(await migrate(connection, folder)) == 1
        held = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        assert await connection.fetchval(held) == 0
        assert await connection.fetchval("SHOW statement_timeout") == "0"
        assert await connection.fetchval("SHOW lock_timeout") == "0"
    finally:
        await connection.close()


async def test_a_waiting_migration_gives_way_to_everybody_else(
    empty_url: str, tmp_path: Path
) -> None:
    script = "SELECT set_config('test.lock_timeout', current_setting('lock_timeout'), false);"
    folder = write(tmp_path, {"0001_first.sql": script})
    connection = await asyncpg.connect(empty_url)
    try:
        await migrate(connection, folder)
        assert await connection.fetchval("SHOW test.lock_timeout") == "10s"
    finally:
        await connection.close()


async def test_the_real_schema_is_complete_in_every_test_database(pool: Pool) -> None:
    applied = [row["name"] for row in await pool.fetch("SELECT name FROM schema_migration")]
    assert applied == [migration.name for migration in read_migrations(MIGRATIONS)]


async def test_the_real_schema_serves_on_postgresql_15(database_url_15: str) -> None:
    assert await migrate(database_url_15) == []
