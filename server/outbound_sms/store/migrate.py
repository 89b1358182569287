"""Brings a database's schema up to date: numbered SQL files, forward only, each applied once."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from outbound_sms.store import sql

if TYPE_CHECKING:
    from outbound_sms.store.pool import Connection

MIGRATIONS = Path(__file__).with_name("migrations")

_SQL = sql.load("migrations")
# Any fixed number that no other program takes locks by; this one spells "smsm".
_LOCK = 0x736D736D
_FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")


class MigrationError(RuntimeError):
    """The files and the database do not fit together; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file `NNNN_name.sql`. The checksum is SHA-256 in hex, the same for every line ending."""

    number: int
    name: str
    checksum: str
    script: str


async def migrate(database: "str | Connection", folder: Path = MIGRATIONS) -> list[Migration]:
    """Applies what is missing and returns it, oldest first.

    Each file runs in a transaction of its own. Processes that start at the same time take turns. A
    database that is newer than the files is left alone, so that an older program can be started
    again during a roll-out. Raises `MigrationError` when an applied file has changed since, or when
    numbers are missing; a failing script raises PostgreSQL's error and leaves no trace.

    A connection that is passed in must not be in a transaction.
    """
    known = read_migrations(folder)
    if not isinstance(database, str):
        return await _migrate(database, known)
    connection = await asyncpg.connect(database, timeout=30)
    try:
        return await _migrate(connection, known)
    finally:
        await connection.close()


def read_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Every migration in `folder`, by number. Raises `MigrationError` for a gap or an odd name."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        parts = _FILE_NAME.fullmatch(path.name)
        if parts is None:
            raise MigrationError(f"{path.name} is not named like 0001_what_it_does.sql")
        script = path.read_text(encoding="utf-8")
        checksum = hashlib.sha256(script.encode()).hexdigest()
        found.append(Migration(int(parts[1]), parts[2], checksum, script))
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise MigrationError(f"migrations must be numbered 1, 2, 3 and so on, but are {numbers}")
    return found


async def _migrate(connection: "Connection", known: list[Migration]) -> list[Migration]:
    await connection.fetchval(_SQL["lock"], _LOCK, timeout=300)
    try:
        await connection.execute(_SQL["create_table"])
        applied = await connection.fetch(_SQL["list_applied"])
        missing = _missing(known, applied)
        for migration in missing:
            await _apply(connection, migration)
        return missing
    finally:
        await connection.fetchval(_SQL["unlock"], _LOCK)


def _missing(known: list[Migration], applied: list[asyncpg.Record]) -> list[Migration]:
    numbers = [row["number"] for row in applied]
    if numbers != list(range(1, len(numbers) + 1)):
        raise MigrationError(f"the database lacks a migration in between: it has {numbers}")
    for migration, row in zip(known, applied, strict=False):
        if migration.checksum != row["checksum"]:
            raise MigrationError(
                f"migration {migration.number} ({migration.name}) was applied to this database "
                "and changed afterwards. Put the old text back, and write a new migration for the "
                "change."
            )
    return known[len(applied) :]


async def _apply(connection: "Connection", migration: Migration) -> None:
    async with connection.transaction():
        await connection.fetchval(_SQL["no_statement_timeout"])
        await connection.fetchval(_SQL["short_lock_timeout"])
        await connection.execute(migration.script)
        await connection.execute(
            _SQL["record"], migration.number, migration.name, migration.checksum
        )
