"""`outbound-sms demo`: everything that the product does, in one go, and then it ends."""

import asyncio
import os
import time
from pathlib import Path

import click
from rich.text import Text

from outbound_sms.cli.connection import explain
from outbound_sms.cli.demo.example import FOLDER, Example
from outbound_sms.cli.demo.handset import Handset
from outbound_sms.cli.demo.money import show_money
from outbound_sms.cli.demo.outcome import Outcome
from outbound_sms.cli.demo.step import DemoFailed
from outbound_sms.cli.demo.story import tell
from outbound_sms.cli.output import console, plain_line
from outbound_sms.cli.stack import StackOptions, running_stack, while_running
from outbound_sms.cli.start_problems import START_PROBLEMS
from outboundsms import OutboundSmsError, connect
from outboundsms.v1 import delivery_pb2

SITE = "North Ridge"


@click.command(epilog="Example: outbound-sms demo --network-site 'North Ridge'")
@click.option("--network-site", default=SITE, show_default=True, help="Whose accounts are texted.")
@click.option(
    "--example",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=FOLDER,
    help="Folder with instance.json and subscribers.csv. [default: examples/northwind]",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".data"),
    show_default=True,
    help="Folder for the embedded PostgreSQL, the API key and the logs.",
)
def demo(network_site: str, example: Path, data: Path) -> None:
    """Sends an outage text to the example ISP's subscribers, then one about a bill to one of them.

    Starts a database, a server, a dispatcher, a carrier that texts nobody and a payment gateway
    that charges nobody; imports the example, previews, adds nearly enough funds, sends, shows every
    status as it changes, adds what was missing and sends the rest. Two subscribers reply STOP in
    the middle of it and get nothing more, until they reply START. Fires a trigger in quiet hours,
    shows how the text waits for their end; checks the ledger, and stops it all. Run it as often as
    you like.
    """
    started = time.monotonic()
    options = StackOptions(
        data,
        os.environ.get("DATABASE_URL") or None,
        split=True,
        log_folder=data / "demo-logs",
    )
    try:
        outcome, entries = asyncio.run(_run(options, Example(example), network_site))
    except OutboundSmsError as error:
        raise click.ClickException(explain(error, "the demo's server")) from error
    except DemoFailed as error:
        raise click.ClickException(str(error)) from error
    except START_PROBLEMS as error:
        raise click.ClickException(str(error)) from error
    delivered = outcome.of(delivery_pb2.MESSAGE_STATUS_DELIVERED)
    failed = outcome.of(delivery_pb2.MESSAGE_STATUS_FAILED)
    click.echo(
        f"demo: recipients={outcome.recipients} delivered={delivered} failed={failed} "
        f"ledger_entries={entries} seconds={time.monotonic() - started:.1f}"
    )


async def _run(options: StackOptions, example: Example, site: str) -> tuple[Outcome, int]:
    """What became of the texts, and how many entries the ledger has that checks."""
    console.print(Text("Start", "bold"))
    async with (
        running_stack(options, plain_line) as stack,
        connect(stack.target, stack.api_key) as client,
    ):
        handset = Handset(stack.sandbox)
        outcome = await while_running(stack, tell(client, example, site, handset))
        return outcome, await while_running(stack, show_money(client, stack.database))
