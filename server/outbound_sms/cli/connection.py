"""How a command reaches the server: the options that all of them share, and what failures say."""

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import grpc

from outboundsms import Client, OutboundSmsError, Tls, connect

LOCAL_SERVER = Path(".data/server.json")
"""What `outbound-sms run` leaves for the other commands: `target` and `api_key`, while it runs."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the server is and who calls it."""

    target: str
    api_key: str
    tls: bool
    ca_file: Path | None

    def open(self) -> Client:
        """A client; call it inside the event loop."""
        if self.ca_file is not None:
            return connect(self.target, self.api_key, tls=Tls(self.ca_file.read_bytes()))
        return connect(self.target, self.api_key, tls=self.tls)

    def run(self, work: Callable[[Client], Awaitable[Answer]]) -> Answer:
        """Runs `work` with a client to its end. Failures become sentences that say what to do."""

        async def with_client() -> Answer:
            async with self.open() as client:
                return await work(client)

        try:
            return asyncio.run(with_client())
        except OutboundSmsError as error:
            raise click.ClickException(explain(error, self.target)) from error


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that say where the server is; the command gets them as `connection`."""

    @functools.wraps(command)
    def with_connection(
        *,
        target: str | None,
        api_key: str | None,
        tls: bool,
        ca_file: Path | None,
        **arguments: object,
    ) -> None:
        command(connection=_connection_of(target, api_key, tls, ca_file), **arguments)

    for option in reversed(_OPTIONS):
        with_connection = option(with_connection)
    return with_connection


_OPTIONS = (
    click.option(
        "--target",
        envvar="OUTBOUND_SMS_TARGET",
        help="Server, HOST:PORT; default OUTBOUND_SMS_TARGET, else what `run` started here.",
    ),
    click.option(
        "--api-key",
        envvar="OUTBOUND_SMS_API_KEY",
        help="API key; default OUTBOUND_SMS_API_KEY, which other users of the machine cannot see.",
    ),
    click.option("--tls", is_flag=True, help="Encrypt, and trust the usual authorities."),
    click.option(
        "--ca-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Encrypt, and trust the authorities in this PEM file.",
    ),
)


def _connection_of(
    target: str | None, api_key: str | None, tls: bool, ca_file: Path | None
) -> Connection:
    """The connection that the options mean, what is missing taken from the local server."""
    local = _local_server()
    target = target or local.get("target")
    api_key = api_key or (local.get("api_key") if target == local.get("target") else None)
    if not target:
        raise click.UsageError(
            "Which server? Give --target HOST:PORT, or set OUTBOUND_SMS_TARGET, or start one here "
            "with `outbound-sms run`."
        )
    if not api_key:
        raise click.UsageError("Which API key? Give --api-key KEY, or set OUTBOUND_SMS_API_KEY.")
    return Connection(target, api_key, tls, ca_file)


def explain(error: OutboundSmsError, target: str) -> str:
    """What went wrong and what to do about it, without codes where a sentence says more."""
    code = error.code()
    if not error.reason and code in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    ):
        return (
            f"No answer from {target}. Check that the server runs there and that --target and "
            "--tls are right; `outbound-sms run` starts one on this machine."
        )
    if code == grpc.StatusCode.UNAUTHENTICATED:
        return f"{error.details()} (--api-key, or OUTBOUND_SMS_API_KEY)"
    if error.violations:
        listed = "".join(f"\n  {each.field}: {each.description}" for each in error.violations)
        return f"The server refused the request:{listed}"
    text = error.details() or code.name
    if code == grpc.StatusCode.INTERNAL and error.call_id:
        return f"{text} The server's log has more under call id {error.call_id}."
    return text


def _local_server() -> dict[str, str]:
    try:
        found = json.loads(LOCAL_SERVER.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
