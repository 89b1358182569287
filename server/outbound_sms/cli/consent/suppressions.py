"""`outbound-sms consent suppressions`: the numbers that must not be texted."""

import click
from rich.table import Table

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.consent.words import source_name
from outbound_sms.cli.names import LARGEST_PAGE, pages
from outbound_sms.cli.output import console, local_time, print_json
from outboundsms import Client
from outboundsms.v1 import contacts_pb2


@click.command("suppressions", epilog="Example: outbound-sms consent suppressions --limit 0 --json")
@click.option("--limit", default=50, show_default=True, help="How many at most; 0 means all.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each number.")
@connected
def suppressions(connection: Connection, limit: int, as_json: bool) -> None:
    """Lists the numbers of contacts that must not be texted, newest first, and who told us.

    Most have replied STOP: only a START from the number itself lifts that.
    """
    request = contacts_pb2.ListSuppressionsRequest(
        page_size=min(limit, LARGEST_PAGE) if limit > 0 else LARGEST_PAGE
    )

    async def work(client: Client) -> None:
        shown, table = 0, _table()
        async for page in pages(client.contacts.ListSuppressions, request):
            for each in page.suppressions:
                if limit and shown == limit:
                    break
                shown += 1
                if as_json:
                    print_json(each)
                else:
                    since = local_time(each.create_time)
                    table.add_row(since, each.number, source_name(each.source))
            if limit and shown == limit:
                break
        if not as_json:
            console.print(table if shown else "There are none.")

    connection.run(work)


def _table() -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("Since", "Number", "Source"):
        table.add_column(column, no_wrap=True)
    return table
