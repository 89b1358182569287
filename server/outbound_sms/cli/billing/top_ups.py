"""`outbound-sms billing top-ups`: the charges that added funds, or did not."""

import click
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.billing.words import state_in_words
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import LARGEST_PAGE, pages
from outbound_sms.cli.output import console, local_time, print_json
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
    request = billing_pb2.ListTopUpsRequest(
        page_size=min(limit, LARGEST_PAGE) if limit > 0 else LARGEST_PAGE
    )

    async def work(client: Client) -> None:
        shown, table = 0, _table()
        async for page in pages(client.billing.ListTopUps, request):
            for each in page.top_ups:
                if limit and shown == limit:
                    break
                shown += 1
                if as_json:
                    print_json(each)
                else:
                    _add(table, each)
            if limit and shown == limit:
                break
        if not as_json:
            console.print(table if shown else "There are none.")

    connection.run(work)


def _table() -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Opened", no_wrap=True)
    table.add_column("Amount", justify="right", no_wrap=True)
    for column in ("By", "State"):
        table.add_column(column)
    return table


def _add(table: Table, top_up: billing_pb2.TopUp) -> None:
    table.add_row(
        local_time(top_up.create_time),
        show_micros(top_up.amount_micros, top_up.currency),
        "auto-buy" if top_up.automatic else "hand",
        Text(state_in_words(top_up)),
    )
