"""`outbound-sms billing statement`: what a month cost."""

import re

import click
from rich.table import Table

from outbound_sms.cli.billing.statement_csv import csv_of
from outbound_sms.cli.billing.words import kind_name
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, print_json
from outbound_sms.domain.money_text import show_micros
from outboundsms import Client
from outboundsms.v1 import billing_pb2

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@click.command(
    "statement",
    epilog="""\b
Examples:
  outbound-sms billing statement
  outbound-sms billing statement --month 2026-10 --csv > 2026-10.csv
""",
)
@click.option("--month", default="", help="Month, YYYY-MM.  [default: this month so far]")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header, for accountants.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def statement(connection: Connection, month: str, as_csv: bool, as_json: bool) -> None:
    """Sums a month up: what there was, what moved each day, what is left.

    Days are those of the instance's time zone. In CSV a row is a day and a kind of entry, between a
    row `opening` and a row `closing`; amounts have 6 decimals, and in each column the closing
    amount is the sum of those above it.
    """
    if as_csv and as_json:
        raise click.UsageError("Give --csv or --json, not both.")
    if month and not _MONTH.fullmatch(month):
        raise click.BadParameter("is not a month; write for example 2026-11", param_hint="--month")

    async def work(client: Client) -> None:
        request = billing_pb2.GetStatementRequest(month=month)
        answer = await client.billing.GetStatement(request)
        if as_json:
            print_json(answer)
        elif as_csv:
            click.echo(csv_of(answer), nl=False)
        else:
            show_statement(answer)

    connection.run(work)


def show_statement(answer: billing_pb2.GetStatementResponse) -> None:
    """Prints what there was, a line for each day and kind, and what is left."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Day")
    table.add_column("Kind")
    for column in ("Entries", "Segments", "Available", "Held", "Spent"):
        table.add_column(column, justify="right")
    _add_balance(table, "Opening", answer.opening, answer.currency)
    for line in answer.lines:
        table.add_row(
            line.date,
            kind_name(line.kind),
            f"{line.entries:,}",
            f"{line.billable_segments:,}" if line.billable_segments else "",
            _change(line.available_micros, answer.currency),
            _change(line.held_micros, answer.currency),
            _change(line.spent_micros, answer.currency),
        )
    _add_balance(table, "Closing", answer.closing, answer.currency)
    console.print(f"Statement of {answer.month}, by the days of {answer.time_zone}")
    console.print(table)


def _add_balance(
    table: Table, name: str, balance: billing_pb2.StatementBalance, currency: str
) -> None:
    table.add_row(
        name,
        "",
        "",
        "",
        show_micros(balance.available_micros, currency),
        show_micros(balance.held_micros, currency),
        show_micros(balance.spent_micros, currency),
        style="bold",
    )


def _change(micros: int, currency: str) -> str:
    """A change of an amount with its sign; empty for none."""
    if not micros:
        return ""
    return f"{'+' if micros > 0 else ''}{show_micros(micros, currency)}"
