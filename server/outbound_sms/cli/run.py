"""`outbound-sms run`: a whole server on this machine, in the foreground."""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

import click
import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.cli.child import ChildFailed
from outbound_sms.cli.connection import LOCAL_SERVER
from outbound_sms.cli.stack import (
    CARRIER,
    Stack,
    StackOptions,
    running_stack,
    while_running,
    write_server_file,
)
from outbound_sms.cli.start_problems import START_PROBLEMS
from outboundsms import Client, OutboundSmsError, connect
from outboundsms.v1 import billing_pb2, settings_pb2

SENDING_NUMBER = "+12125550100"
SEGMENTS_PER_SECOND = 200
PAYER = billing_pb2.AutoBuy(customer="cus_local", payment_method="pm_card_visa")

_EPILOG = """\b
Example:
  outbound-sms run
  DATABASE_URL=postgresql://postgres@localhost/sms outbound-sms run --listen 127.0.0.1:50051
"""


@click.command(epilog=_EPILOG)
@click.option("--listen", default="127.0.0.1:50051", show_default=True, help="Address for gRPC.")
@click.option(
    "--http-listen",
    default="127.0.0.1:0",
    show_default=True,
    help="Address for receipts and /metrics.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".data"),
    show_default=True,
    help="Folder for the embedded PostgreSQL and the API key.",
)
def run(listen: str, http_listen: str, data: Path) -> None:
    """Runs a server here until Ctrl-C: database, sandbox carrier and payments, API, dispatcher.

    Uses the PostgreSQL of DATABASE_URL, or brings its own. Prints where the server is and the API
    key of the local instance, a super-admin's, which stays the same. Texts go to the sandbox
    carrier, which texts nobody, and funds come from the sandbox payments, which charge nobody.
    Other commands find this server by themselves while it runs.
    """
    options = StackOptions(data, os.environ.get("DATABASE_URL") or None, listen, http_listen)
    try:
        asyncio.run(_run(options))
    except START_PROBLEMS as error:
        raise click.ClickException(str(error)) from error


async def _run(options: StackOptions) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with running_stack(options, lambda _: None) as stack:
        async with connect(stack.target, stack.api_key) as client:
            await _add_sending_number(client)
            await _set_payment_method(client)
        write_server_file(LOCAL_SERVER, stack)
        try:
            _show(stack)
            await while_running(stack, _until(stop))
        finally:
            LOCAL_SERVER.unlink(missing_ok=True)


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def _add_sending_number(client: Client) -> None:
    """So that a first message can be sent without more settings."""
    request = settings_pb2.CreateSendingNumberRequest(
        sending_number=settings_pb2.SendingNumber(
            number=SENDING_NUMBER, carrier=CARRIER, segments_per_second=SEGMENTS_PER_SECOND
        )
    )
    try:
        await client.settings.CreateSendingNumber(request)
    except OutboundSmsError as error:
        if error.code() != grpc.StatusCode.ALREADY_EXISTS:
            raise ChildFailed(f"The server does not answer as it should: {error}") from error


async def _set_payment_method(client: Client) -> None:
    """So that funds can be added without more settings; one that is set stays."""
    try:
        found = await client.billing.GetBalance(billing_pb2.GetBalanceRequest())
        if found.auto_buy.payment_method:
            return
        request = billing_pb2.UpdateAutoBuyRequest(
            auto_buy=PAYER, update_mask=FieldMask(paths=["customer", "payment_method"])
        )
        await client.billing.UpdateAutoBuy(request)
    except OutboundSmsError as error:
        raise ChildFailed(f"The server does not answer as it should: {error}") from error


def _show(stack: Stack) -> None:
    grpcurl = f"{_grpcurl()} -plaintext -H 'authorization: Bearer {stack.api_key}'"
    click.echo(f"grpc: {stack.target}")
    click.echo(f"api key: {stack.api_key}")
    for method, request in (
        ("Directory/ListCompanies", "{}"),
        ("Signatures/PreviewText", '{"text": "Service is back. Thank you for waiting."}'),
        ("Delivery/WatchMessages", '{"start": "WATCH_START_OLDEST"}'),
    ):
        click.echo(f"{grpcurl} -d '{request}' {stack.target} outboundsms.v1.{method}")


def _grpcurl() -> str:
    """The one of the path, or the one that development brings along."""
    beside = Path(sys.executable).with_name("grpcurl")
    if shutil.which("grpcurl") is not None or not beside.exists():
        return "grpcurl"
    return os.path.relpath(beside)
