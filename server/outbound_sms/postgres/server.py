"""PostgreSQL as our own foreground child: nothing to install or to set up before the first run."""

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

import asyncpg

from outbound_sms.postgres.binaries import Binaries, find_binaries
from outbound_sms.postgres.cluster import SUPERUSER, choose_identity, initialise
from outbound_sms.postgres.folder import DataFolder
from outbound_sms.postgres.identity import Identity
from outbound_sms.postgres.leftover import retire_leftover
from outbound_sms.postgres.process import PostgresNotStarted, ended, run, spawn

DEFAULT_FOLDER = Path(".data/postgres")
DATABASE = "outbound_sms"

DEFAULT_SETTINGS: Mapping[str, str] = {
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "wal_buffers": "16MB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "track_io_timing": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    # Errors of statements quote rows, which hold phone numbers and texts. Whoever ran the statement
    # logs its error without them; what ends or hinders the server itself is logged here.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "cluster_name": "outbound_sms",
}

PORT_TAKEN = "Address already in use"
# Each passes: a port taken before its use, or backends that outlive a killed postmaster.
PASSING_TROUBLES = (
    PORT_TAKEN,
    "pre-existing shared memory block",
    'lock file "postmaster.pid" already exists',
)


class EmbeddedPostgres:
    """One PostgreSQL server, the child of this process, with its data in one folder.

    For development, demonstrations and tests; production names its server in DATABASE_URL. The
    server is stopped when the object's `async with` ends, and by the kernel when this process dies
    (on Linux). Start it from a thread that lives as long as the process, such as the event loop's:
    the kernel counts the death of that thread.

    Reached over a socket in a private folder without a password, and over TCP on 127.0.0.1 with the
    password that the folder keeps.
    """

    def __init__(
        self,
        folder: Path | str = DEFAULT_FOLDER,
        settings: Mapping[str, str] | None = None,
        *,
        binaries: Binaries | None = None,
        start_timeout: float = 60.0,
        stop_timeout: float = 30.0,
    ) -> None:
        """`settings` go on top of `DEFAULT_SETTINGS`. Time limits are in seconds; recovery after a
        crash counts towards `start_timeout`."""
        self._folder = DataFolder(Path(folder))
        self._settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._binaries = binaries
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._password = ""
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1, and the number in the socket's name. Survives a restart."""
        return self._port

    @property
    def pid(self) -> int | None:
        """The process number of the postmaster, or None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def dsn(self, database: str = DATABASE, *, tcp: bool = False) -> str:
        """The address of `database`: by the socket, or by TCP for programs that cannot use one."""
        if tcp:
            user = f"{SUPERUSER}:{quote(self._password)}"
            return f"postgresql://{user}@127.0.0.1:{self._port}/{database}?sslmode=disable"
        place = urlencode({"host": str(self._folder.socket), "port": self._port})
        return f"postgresql://{SUPERUSER}@/{database}?{place}"

    async def start(self) -> None:
        """Makes the cluster and the database at the first start, and returns when both answer.

        Raises `PostgresNotStarted`, `BinariesNotFound`, `FolderUnavailable` or `LeftoverServer`.
        """
        if self.pid is not None:
            return
        self._folder.lock()
        try:
            binaries = self._binaries = self._binaries or find_binaries()
            identity = choose_identity(self._folder, binaries)
            await retire_leftover(self._folder.cluster, self._stop_timeout)
            await initialise(self._folder, binaries, identity, self._start_timeout)
            self._password = self._folder.password(identity)
            self._folder.make_socket_folder(identity)
            await self._launch(binaries, identity)
            await self._create_database(binaries, identity)
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Ends all sessions, writes everything out and stops (PostgreSQL's fast shutdown)."""
        process = self._process
        if process is not None:
            for order, patience in (
                (signal.SIGINT, self._stop_timeout),
                (signal.SIGQUIT, 5.0),
                (signal.SIGKILL, 5.0),
            ):
                if process.poll() is None:
                    process.send_signal(order)
                if await ended(process, patience):
                    break
        self._process = None
        self._folder.remove_socket_folder()
        self._folder.unlock()

    async def kill(self) -> None:
        """Kills the server without warning, as a crash would; the next start recovers."""
        if self._process is not None:
            self._process.kill()
            await ended(self._process, self._stop_timeout)
        self._process = None
        self._folder.unlock()

    async def restart(self) -> None:
        """A fast stop and a start, at the same address."""
        await self.stop()
        await self.start()

    async def _launch(self, binaries: Binaries, identity: Identity) -> None:
        deadline = time.monotonic() + self._start_timeout
        while True:
            self._port = self._port or _free_port()
            log_start = self._folder.log_size()
            self._process = spawn(
                self._folder, identity, binaries.postgres, *self._postgres_options()
            )
            if await self._answers(deadline):
                return
            end = self._folder.log_since(log_start)
            if time.monotonic() > deadline:
                raise PostgresNotStarted(f"PostgreSQL gave no answer in time. Its log says:\n{end}")
            if not any(trouble in end for trouble in PASSING_TROUBLES):
                raise PostgresNotStarted(f"PostgreSQL did not start. Its log says:\n{end}")
            if PORT_TAKEN in end:
                self._port = 0
            await asyncio.sleep(0.1)

    def _postgres_options(self) -> list[str]:
        settings = {
            **self._settings,
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": str(self._folder.socket),
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
        }
        options = ["-D", str(self._folder.cluster)]
        for name, value in settings.items():
            options += ["-c", f"{name}={value}"]
        return options

    async def _answers(self, deadline: float) -> bool:
        """Whether the server answers before the deadline; False at once when it has ended."""
        while self.pid is not None and time.monotonic() < deadline:
            try:
                connection = await asyncpg.connect(self.dsn(SUPERUSER), timeout=5)
            except (
                OSError,
                TimeoutError,
                asyncpg.CannotConnectNowError,
                asyncpg.PostgresConnectionError,
            ):
                await asyncio.sleep(0.02)
            else:
                await connection.close()
                return True
        return False

    async def _create_database(self, binaries: Binaries, identity: Identity) -> None:
        try:
            connection = await asyncpg.connect(self.dsn(), timeout=self._start_timeout)
        except asyncpg.InvalidCatalogNameError:
            place = ["-h", str(self._folder.socket), "-p", str(self._port), "-U", SUPERUSER]
            seconds = self._start_timeout
            await run(self._folder, identity, seconds, binaries.createdb, *place, DATABASE)
        else:
            await connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
