"""`outbound-sms billing ledger`: every movement of money."""

import click
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.billing.words import KINDS, kind_name
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import LARGEST_PAGE, pages
from outbound_sms.cli.output import console, local_time, print_json
from outbound_sms.cli.time_span import SPAN_FORMS, set_span
from outbound_sms.domain.money_text import show_micros
from outboundsms import Client
from outboundsms.v1 import billing_pb2

_KINDS = {name: value for value, name in KINDS.items()}


@click.command(
    "ledger",
    epilog="""\b
Examples:
  outbound-sms billing ledger --kind top-up --kind adjustment
  outbound-sms billing ledger --since 2026-11-01 --until 2026-12-01 --all --json
  outbound-sms billing ledger --message 0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11
""",
)
@click.option("--kind", multiple=True, type=click.Choice(list(_KINDS)), help="Any of these.")
@click.option("--message", default="", help="Of this text, by id.")
@click.option("--since", help=f"Made at or after this. {SPAN_FORMS}")
@click.option("--until", help="Made before this.")
@click.option("--limit", type=click.IntRange(1), help="How many at most.  [default: 50]")
@click.option("--all", "everything", is_flag=True, help="As many as there are.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each entry.")
@connected
def ledger(
    connection: Connection,
    kind: tuple[str, ...],
    message: str,
    since: str | None,
    until: str | None,
    limit: int | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Lists the movements of money, newest first, with the text or the top-up that each belongs to.

    A top-up adds funds. A hold sets the price of a text aside; then a capture pays it, or a release
    gives it back. A refund gives back what was paid, and the platform operator makes adjustments.

    --since and --until go by the clock of the instance.
    """
    if everything and limit is not None:
        raise click.UsageError("Give --limit or --all, not both.")
    most = None if everything else limit or 50
    request = billing_pb2.ListLedgerEntriesRequest(
        page_size=min(most or LARGEST_PAGE, LARGEST_PAGE),
        kinds=[billing_pb2.LedgerEntryKind.ValueType(_KINDS[each]) for each in kind],
        message_id=message,
    )

    async def work(client: Client) -> None:
        await set_span(client, request, since, until)
        await _list(client, request, most, as_json)

    connection.run(work)


async def _list(
    client: Client,
    request: billing_pb2.ListLedgerEntriesRequest,
    most: int | None,
    as_json: bool,
) -> None:
    shown, table = 0, _table()
    async for page in pages(client.billing.ListLedgerEntries, request):
        for entry in page.ledger_entries:
            if shown == most:
                break
            shown += 1
            if as_json:
                print_json(entry)
            else:
                _add(table, entry, page.currency)
        if shown == most:
            break
    if not as_json:
        console.print(table if shown else "No entries match.")


def _table() -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Time", no_wrap=True)
    table.add_column("Kind", no_wrap=True)
    table.add_column("Amount", justify="right", no_wrap=True)
    # An id that is cut off is of no use.
    table.add_column("Of", overflow="fold")
    return table


def _add(table: Table, entry: billing_pb2.LedgerEntry, currency: str) -> None:
    table.add_row(
        local_time(entry.entry_time),
        kind_name(entry.kind),
        show_micros(entry.amount_micros, currency),
        Text(entry.message_id or entry.top_up_id or entry.note),
    )
