"""A clock of the database that a test sets, so that a night in March or November takes a moment.

Sessions of `DatabaseClock.dsn` find `now()` and `clock_timestamp()` of the schema `fake` before the
system's; everybody else has the real time. Column defaults keep the real time too, in every
session: they were bound when the tables were made.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from outbound_sms.store.pool import Connection

_SCHEMA = """
CREATE SCHEMA fake;
CREATE TABLE fake.shift (by interval NOT NULL);
INSERT INTO fake.shift VALUES ('0');
CREATE FUNCTION fake.now() RETURNS timestamptz LANGUAGE sql STABLE
AS 'SELECT pg_catalog.now() + by FROM fake.shift';
CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
AS 'SELECT pg_catalog.clock_timestamp() + by FROM fake.shift';
GRANT USAGE ON SCHEMA fake TO PUBLIC;
GRANT SELECT ON fake.shift TO PUBLIC;
"""


class DatabaseClock:
    """The time of the sessions of `dsn`. It goes on by itself from wherever it is set."""

    def __init__(self, dsn: str, connection: Connection) -> None:
        self.dsn = dsn
        self._connection = connection

    async def set(self, instant: datetime) -> None:
        """Makes it `instant` now."""
        await self._connection.execute(
            "UPDATE fake.shift SET by = $1::timestamptz - pg_catalog.clock_timestamp()", instant
        )

    async def jump(self, by: timedelta) -> None:
        """Sets it forward, or back."""
        await self._connection.execute("UPDATE fake.shift SET by = by + $1", by)

    async def now(self) -> datetime:
        """The time."""
        found: datetime = await self._connection.fetchval("SELECT fake.clock_timestamp()")
        return found


@asynccontextmanager
async def database_clock(database_url: str) -> AsyncIterator[DatabaseClock]:
    """A clock for the database, at first the real time. The schema stays with the database."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(_SCHEMA)
        parts = urlsplit(database_url)
        path = "search_path=fake,pg_catalog,public"
        query = f"{parts.query}&{path}" if parts.query else path
        yield DatabaseClock(urlunsplit(parts._replace(query=query)), connection)
    finally:
        await connection.close()
