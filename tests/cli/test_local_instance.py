"""The instance and key that `run` and `demo` keep."""

from pathlib import Path

import asyncpg

from outbound_sms.cli.local_instance import key_file, local_instance


async def test_the_key_is_kept_and_only_its_owner_can_read_it(
    database_url: str, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(database_url)
    file = key_file(tmp_path, None)
    first = await local_instance(connection, file)
    assert await local_instance(connection, file) == first
    assert file.stat().st_mode & 0o777 == 0o600
    await connection.close()


async def test_a_key_that_the_database_does_not_know_is_replaced(
    database_url: str, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(database_url)
    file = key_file(tmp_path, database_url)
    first = await local_instance(connection, file)
    await connection.execute("UPDATE api_key SET revoke_time = now()")
    second = await local_instance(connection, file)
    assert second.api_key != first.api_key
    file.write_text("nonsense")
    assert (await local_instance(connection, file)).api_key != second.api_key
    await connection.close()


def test_each_database_has_a_file_of_its_own(tmp_path: Path) -> None:
    files = {key_file(tmp_path, url) for url in (None, "postgresql://a/x", "postgresql://b/x")}
    assert len(files) == 3
