"""`outbound-sms billing top-ups`: the charges that added funds, or did not."""

import click
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.billing.words import state_in_words
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.listing import show_list
from outbound_sms.cli.output import local_time
from outbound_sms.domain.money_text import show_micros
from outboundsms import Client
from outboundsms.v1 import billing_pb2


@click.command("top-ups", epilog="Example: outbound-sms billing top-ups --limit 10")
@click.option("--limit", default=50, show_default=True, help="How many at most; 0 means all.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each top-up.")
@connected
def top_ups(connection: Connection, limit: int, as_json: bool) -> None:
    """Lists top-ups, newest first: whether each was paid or declined, and why.

    With --json they have their ids.
    """

    async def work(client: Client) -> None:
        await show_list(
            client.billing.ListTopUps,
            billing_pb2.ListTopUpsRequest(),
            lambda page: page.top_ups,
            _table(),
            _row,
            limit=limit,
            as_json=as_json,
        )

    connection.run(work)


def _table() -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Opened", no_wrap=True)
    table.add_column("Amount", justify="right", no_wrap=True)
    for column in ("By", "State"):
        table.add_column(column)
    return table


def _row(top_up: billing_pb2.TopUp) -> tuple[str, str, str, Text]:
    return (
        local_time(top_up.create_time),
        show_micros(top_up.amount_micros, top_up.currency),
        "auto-buy" if top_up.automatic else "hand",
        Text(state_in_words(top_up)),
    )
