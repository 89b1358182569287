"""Everything that a server needs, on this machine: database, carrier, payment gateway, server."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from outbound_sms.cli.child import Child
from outbound_sms.cli.database import connect
from outbound_sms.cli.local_instance import key_file, local_instance, write_private
from outbound_sms.postgres import EmbeddedPostgres
from outbound_sms.sealed_secret import seal
from outbound_sms.sealing_keys import SealingKeys, make_key_line, read_sealing_keys
from outbound_sms.store.migrate import migrate

CARRIER = "sandbox"
ACCOUNT_SID = "ACsandbox"
LISTEN = "127.0.0.1:0"

Say = Callable[[str], None]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class SandboxAccess:
    """The sandbox carrier, and the account that may use it."""

    url: str
    account_sid: str
    auth_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stack:
    """What runs, and how to reach it. `children` are in the order in which they were started."""

    target: str
    api_key: str
    database: str
    sandbox: SandboxAccess
    children: list[Child]


@dataclass(frozen=True, slots=True)
class StackOptions:
    """`folder` keeps the data. `split` runs the dispatcher as a process of its own. `log_folder`
    gets what the processes log; None leaves it on stderr."""

    folder: Path
    database_url: str | None
    listen: str = LISTEN
    http_listen: str = LISTEN
    split: bool = False
    log_folder: Path | None = None
    receipt_delay: float = 0.1

    @property
    def carriers_file(self) -> Path:
        """What the server is told of the sandbox carrier, for this run."""
        return self.folder / "carriers.toml"

    @property
    def payments_file(self) -> Path:
        """What the server is told of the sandbox gateway, for this run."""
        return self.folder / "payments.toml"

    @property
    def sealing_keys_file(self) -> Path:
        """What opens the secrets of the two, for this run."""
        return self.folder / "sealing-keys"


@asynccontextmanager
async def running_stack(options: StackOptions, say: Say) -> AsyncIterator[Stack]:
    """Starts it all and stops it again, last first. `say` hears of each step.

    Raises `ChildFailed`, or what the database cannot start with.
    """
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if options.log_folder is not None:
        options.log_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with _database(options, say) as database:
        applied = await migrate(database)
        say(f"schema ready ({len(applied)} migrations applied)" if applied else "schema ready")
        api_key = await _api_key(options, database)
        children: list[Child] = []
        try:
            keys = _make_sealing_keys(options)
            sandbox = await _start_sandbox(options, keys, children, say)
            await _start_gateway(options, keys, children, say)
            target = await _start(options, database, children, say)
            yield Stack(target, api_key, database, sandbox, children)
        finally:
            for child in reversed(children):
                await child.stop()


async def while_running(stack: Stack, work: Coroutine[None, None, Answer]) -> Answer:
    """Does `work`, and gives it up with ChildFailed when one of the processes ends meanwhile."""
    working = asyncio.create_task(work)
    ends = {asyncio.create_task(child.wait()): child for child in stack.children}
    try:
        done, _ = await asyncio.wait({working, *ends}, return_when=asyncio.FIRST_COMPLETED)
        for end, child in ends.items():
            if end in done and working not in done:
                raise child.failure(f"ended by itself with code {end.result()}")
        return working.result()
    finally:
        for task in (working, *ends):
            task.cancel()
        await asyncio.gather(working, *ends, return_exceptions=True)


@asynccontextmanager
async def _database(options: StackOptions, say: Say) -> AsyncIterator[str]:
    if options.database_url is not None:
        say("database: the one of DATABASE_URL")
        yield options.database_url
        return
    async with EmbeddedPostgres(options.folder / "postgres") as server:
        say(f"database: embedded PostgreSQL in {options.folder / 'postgres'}")
        yield server.dsn()


async def _api_key(options: StackOptions, database: str) -> str:
    connection = await connect(database)
    try:
        file = key_file(options.folder, options.database_url)
        return (await local_instance(connection, file)).api_key
    finally:
        await connection.close()


def _make_sealing_keys(options: StackOptions) -> SealingKeys:
    _, line = make_key_line(datetime.now(UTC))
    _write_private(options.sealing_keys_file, f"{line}\n")
    return read_sealing_keys(options.sealing_keys_file)


async def _start_sandbox(
    options: StackOptions, keys: SealingKeys, children: list[Child], say: Say
) -> SandboxAccess:
    """Starts the carrier that texts nobody, and tells the server of it."""
    token = secrets.token_hex(16)
    sandbox = _child(
        options,
        "sandbox carrier",
        ["sandbox", "--account-sid", ACCOUNT_SID, "--auth-token", token]
        + ["--receipt-delay", str(options.receipt_delay)],
    )
    children.append(sandbox)
    url = (await sandbox.start("sandbox"))["sandbox"]
    sealed = seal(keys, f"carrier.{CARRIER}.auth_token", token)
    _write_private(
        options.carriers_file,
        f'[carrier.{CARRIER}]\nkind = "twilio"\naccount_sid = "{ACCOUNT_SID}"\n'
        f'auth_token = "{sealed}"\nbase_url = "{url}"\n',
    )
    say(f"sandbox carrier: {url}")
    return SandboxAccess(url, ACCOUNT_SID, token)


async def _start_gateway(
    options: StackOptions, keys: SealingKeys, children: list[Child], say: Say
) -> None:
    """Starts the payment gateway that charges nobody, and tells the server of it."""
    token = secrets.token_hex(16)
    gateway = _child(options, "sandbox payments", ["payments-sandbox", "--api-key", f"sk_{token}"])
    children.append(gateway)
    url = (await gateway.start("payments"))["payments"]
    sealed = seal(keys, "api_key", f"sk_{token}")
    _write_private(
        options.payments_file, f'kind = "stripe"\napi_key = "{sealed}"\nbase_url = "{url}"\n'
    )
    say(f"sandbox payments: {url}")


async def _start(options: StackOptions, database: str, children: list[Child], say: Say) -> str:
    """Starts the server and perhaps a dispatcher; returns where the server listens."""
    environment = {
        "DATABASE_URL": database,
        "OUTBOUND_SMS_CARRIERS": str(options.carriers_file),
        "OUTBOUND_SMS_PAYMENTS": str(options.payments_file),
        "OUTBOUND_SMS_SEALING_KEYS": str(options.sealing_keys_file),
        "OUTBOUND_SMS_LISTEN": options.listen,
        "OUTBOUND_SMS_HTTP_LISTEN": options.http_listen,
        "OUTBOUND_SMS_PROCESSES": "1",
        # No load balancer has to hear of the stop first.
        "OUTBOUND_SMS_DRAIN_WAIT": "0",
    }
    roles = "api,webhooks" if options.split else "api,dispatcher,webhooks"
    server = _child(options, "server", ["serve", "--roles", roles], environment)
    children.append(server)
    found = await server.start("grpc", "http")
    say(f"server: {found['grpc']}")
    if options.split:
        environment["OUTBOUND_SMS_PUBLIC_URL"] = found["http"]
        environment["OUTBOUND_SMS_HTTP_LISTEN"] = LISTEN
        dispatcher = _child(options, "dispatcher", ["serve", "--roles", "dispatcher"], environment)
        children.append(dispatcher)
        await dispatcher.start("http")
        say("dispatcher: running")
    return found["grpc"]


def _child(
    options: StackOptions,
    name: str,
    arguments: list[str],
    environment: dict[str, str] | None = None,
) -> Child:
    file = f"{name.replace(' ', '-')}.log"
    log = options.log_folder / file if options.log_folder is not None else None
    if log is not None:
        log.unlink(missing_ok=True)
    return Child(name, arguments, environment=environment, log=log)


def _write_private(file: Path, text: str) -> None:
    """A configuration file of the server, which holds a secret."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")


def write_server_file(file: Path, stack: Stack) -> None:
    """Lets the other commands find the server while it runs."""
    values = {"target": stack.target, "api_key": stack.api_key, "database": stack.database}
    write_private(file, values)
