"""A database of its own for every test, copied from one that was migrated once."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from outbound_sms.postgres.binaries import Binaries
from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store.migrate import migrate

FOLDER_PREFIX = "outbound-sms-tests-"
MEMORY_FOLDER = Path("/dev/shm")
ROOM_WANTED = 2_000_000_000

# Shared memory in files of the data folder is gone with it, even after a kill.
IN_THE_FOLDER = {"dynamic_shared_memory_type": "mmap"}

# Nothing in these clusters outlives the run, and no test crashes them: `fresh_cluster` is for that.
FAST_SETTINGS = {
    **IN_THE_FOLDER,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_connections": "300",
}


class Databases:
    """Makes databases on one server, from a template that only this run uses."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._names = (f"test_{os.getpid()}_{number}" for number in count())
        self._template = f"template_{os.getpid()}"

    async def prepare(self) -> None:
        """Makes the template and migrates it."""
        await self._create(self._template, "template0")
        await migrate(self.url_of(self._template))

    async def discard(self) -> None:
        """Drops the template."""
        await self._drop(self._template)

    @asynccontextmanager
    async def database(self, *, migrated: bool = True) -> AsyncIterator[str]:
        """The address of a new database, dropped afterwards with whatever is still connected."""
        name = next(self._names)
        await self._create(name, self._template if migrated else "template0")
        try:
            yield self.url_of(name)
        finally:
            await self._drop(name)

    def url_of(self, database: str, user: str | None = None) -> str:
        """The address of `database` on this server, for the tests' user or the one named."""
        parts = urlsplit(self._url)
        if user is not None:
            place = parts.netloc.rpartition("@")[2]
            parts = parts._replace(netloc=f"{user}@{place}")
        return urlunsplit(parts._replace(path=f"/{database}"))

    async def _create(self, name: str, template: str) -> None:
        # Copying the files takes two checkpoints, which cost nothing without fsync.
        await self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")

    async def _drop(self, name: str) -> None:
        await self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self._url, timeout=30)
        try:
            await connection.execute(statement, timeout=60)
        finally:
            await connection.close()


@asynccontextmanager
async def temporary_cluster(
    settings: dict[str, str], binaries: Binaries | None = None
) -> AsyncIterator[EmbeddedPostgres]:
    """A running server in a folder that goes away afterwards."""
    with temporary_folder() as folder:
        async with EmbeddedPostgres(folder, settings, binaries=binaries) as server:
            yield server


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A private folder, in memory where there is room: a database is 400 files, and a disk may take
    1 ms for each. A killed server loses nothing there; the files are the system's and not its own.
    """
    parent = Path(tempfile.gettempdir())
    if MEMORY_FOLDER.is_dir() and shutil.disk_usage(MEMORY_FOLDER).free > ROOM_WANTED:
        parent = MEMORY_FOLDER
    _remove_leftovers(parent)
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers(parent: Path) -> None:
    """A run that was killed leaves its folders, which carry its process number."""
    for folder in parent.glob(f"{FOLDER_PREFIX}*-*"):
        number = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except (ValueError, PermissionError):
            continue
