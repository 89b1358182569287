"""`outbound-sms serve`: the server, configured by environment variables and a few options."""

import asyncio
import os
import sys
from dataclasses import replace

import click

from outbound_sms import log
from outbound_sms.cli.child import ChildFailed
from outbound_sms.cli.supervisor import Supervisor, reserve_port
from outbound_sms.drain import Drain
from outbound_sms.pools import CannotStart
from outbound_sms.process import run_process
from outbound_sms.settings import ROLES, Settings, SettingsError, describe

_EPILOG = """\b
Examples:
  DATABASE_URL=postgresql://sms@db/sms OUTBOUND_SMS_CARRIERS=carriers.toml outbound-sms serve
  outbound-sms serve --roles api --processes 4 --listen 0.0.0.0:50051

`outbound-sms serve --settings` lists every environment variable.
"""


@click.command(epilog=_EPILOG)
@click.option("--roles", help=f"Some of {','.join(sorted(ROLES))}; all by default.")
@click.option("--processes", type=click.IntRange(1, 256), help="Processes on the same port.")
@click.option("--listen", help="Address for gRPC, HOST:PORT; port 0 takes a free one.")
@click.option("--settings", "show_settings", is_flag=True, help="List the environment variables.")
def serve(
    roles: str | None, processes: int | None, listen: str | None, show_settings: bool
) -> None:
    """Serves until SIGTERM or SIGINT, then stops in order; a second signal ends it at once.

    Writes `grpc: HOST:PORT` and `http: URL` to stdout when it is ready, and logs JSON to stderr.
    """
    if show_settings:
        click.echo(describe())
        return
    given = {
        "OUTBOUND_SMS_ROLES": roles,
        "OUTBOUND_SMS_PROCESSES": str(processes) if processes else None,
        "OUTBOUND_SMS_LISTEN": listen,
    }
    environment = {**os.environ, **{name: value for name, value in given.items() if value}}
    try:
        settings = Settings.from_environment(environment)
    except SettingsError as error:
        listed = "".join(f"\n  {problem}" for problem in error.problems)
        raise click.ClickException(f"The settings are wrong:{listed}") from error
    log.configure(settings.log_level)
    # A child of the supervisor shares its ports, and is told so by being one of several.
    several = settings.processes > 1 and not os.environ.get(CHILD)
    try:
        asyncio.run(_supervise(settings) if several else _serve(settings))
    except (CannotStart, ChildFailed) as error:
        raise click.ClickException(str(error)) from error


CHILD = "OUTBOUND_SMS_SUPERVISED"


async def _serve(settings: Settings) -> None:
    drain = Drain()
    drain.listen()
    await run_process(settings, drain, _announce)


async def _supervise(settings: Settings) -> None:
    addresses, reserved = {}, []
    try:
        for name, address in (
            ("OUTBOUND_SMS_LISTEN", settings.listen),
            ("OUTBOUND_SMS_HTTP_LISTEN", settings.http_listen),
        ):
            host, _, port = address.rpartition(":")
            try:
                held = reserve_port(host.strip("[]"), int(port))
            except OSError as error:
                raise CannotStart(f"{name}: {address} cannot be had ({error.strerror}).") from error
            reserved.append(held)
            addresses[name] = f"{host}:{held.getsockname()[1]}"
        settings = replace(settings, listen=addresses["OUTBOUND_SMS_LISTEN"])
        supervisor = Supervisor(
            ["serve"],
            settings.processes,
            environment={
                **addresses,
                CHILD: "1",
                "OUTBOUND_SMS_PROCESSES": str(settings.processes),
                "OUTBOUND_SMS_ROLES": ",".join(sorted(settings.roles)),
            },
        )
        awaited = ("grpc",) if "api" in settings.roles else ("http",)
        for name, value in (await supervisor.start(*awaited)).items():
            _announce(name, value)
        await supervisor.wait(*awaited)
    finally:
        for held in reserved:
            held.close()


def _announce(name: str, address: str) -> None:
    sys.stdout.write(f"{name}: {address}\n")
    sys.stdout.flush()
