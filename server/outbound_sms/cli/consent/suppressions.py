"""`outbound-sms consent suppressions`: the numbers that must not be texted."""

import click
from rich.table import Table

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.consent.words import source_name
from outbound_sms.cli.listing import show_list
from outbound_sms.cli.output import local_time
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

    async def work(client: Client) -> None:
        await show_list(
            client.contacts.ListSuppressions,
            contacts_pb2.ListSuppressionsRequest(),
            lambda page: page.suppressions,
            _table(),
            _row,
            limit=limit,
            as_json=as_json,
        )

    connection.run(work)


def _table() -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("Since", "Number", "Source"):
        table.add_column(column, no_wrap=True)
    return table


def _row(found: contacts_pb2.Suppression) -> tuple[str, str, str]:
    return local_time(found.create_time), found.number, source_name(found.source)
