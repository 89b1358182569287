"""Commands that work on the database itself, for whoever operates the service."""

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import click

from outbound_sms.cli.connection import LOCAL_SERVER
from outbound_sms.domain.errors import OutboundSmsError
from outbound_sms.store.migrate import MigrationError
from outbound_sms.store.pool import SessionRole

Answer = TypeVar("Answer")


def on_database(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --database; the command gets its address as `database`."""

    @functools.wraps(command)
    def with_database(*, database: str | None, **arguments: object) -> None:
        command(database=database or _local_database(), **arguments)

    return click.option(
        "--database",
        envvar="DATABASE_URL",
        help="postgresql://...; default DATABASE_URL, else what `run` started here.",
    )(with_database)


async def connect(
    database: str, role: SessionRole | None = SessionRole.DISPATCHER
) -> asyncpg.Connection:
    """A connection of the role, by default the dispatcher's, which sees every instance.

    Without a role it is the login itself, which owns the schema.
    """
    settings = {"role": role.value} if role is not None else {}
    return await asyncpg.connect(database, timeout=30, server_settings=settings)


def run_on(
    database: str,
    work: Callable[[asyncpg.Connection], Awaitable[Answer]],
    role: SessionRole | None = SessionRole.DISPATCHER,
) -> Answer:
    """Runs `work` with a connection of the role. Failures become sentences that say what to do."""

    async def connected() -> Answer:
        connection = await connect(database, role)
        try:
            return await work(connection)
        finally:
            await connection.close()

    try:
        return asyncio.run(connected())
    except (asyncpg.UndefinedTableError, asyncpg.InvalidParameterValueError) as error:
        # Without the schema there may be no such role either.
        raise click.ClickException(
            "The database has no schema yet: run `outbound-sms migrate`."
        ) from error
    except (OutboundSmsError, MigrationError) as error:
        raise click.ClickException(str(error)) from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise click.ClickException(
            f"The database cannot be used ({type(error).__name__}: {error}). Check that it runs, "
            "and the address, user and password of --database."
        ) from error


def _local_database() -> str:
    try:
        found = json.loads(LOCAL_SERVER.read_text(encoding="utf-8")).get("database")
    except (OSError, ValueError, AttributeError):
        found = None
    if not found:
        raise click.UsageError(
            "Which database? Give --database postgresql://..., or set DATABASE_URL."
        )
    return str(found)
