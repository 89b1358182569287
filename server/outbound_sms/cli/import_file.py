"""`outbound-sms import`: subscribers from a CSV export."""

import csv
import time
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.csv_rows import CsvRefused, count_lines, read_header, read_rows
from outbound_sms.cli.import_rows import ImportResult, import_rows
from outbound_sms.cli.line_progress import line_progress
from outbound_sms.cli.output import console, errors, facts, print_json, span
from outbound_sms.cli.progress import say_interrupted
from outboundsms import Client

SHOWN_REFUSALS = 20
SECONDS_BETWEEN_LINES = 2.0

_EPILOG = """\b
Example:
  outbound-sms import subscribers.csv --refused refused.csv

Columns are found by name, whatever their case and spacing; account_number and account_name must be
there. The comment of ImportRow in directory.proto lists all of them. A region (or state, province)
may be written NY, US-NY, New York or Québec. Importing a file again changes nothing, so a file may
be corrected and imported as a whole.
"""


@click.command("import", epilog=_EPILOG)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the refused rows: line, column, reason.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@connected
def import_file(connection: Connection, file: Path, refused: Path | None, as_json: bool) -> None:
    """Imports accounts, contacts and phone numbers from a CSV file, as billing systems export it.

    Wrong rows are refused with their line, column and reason; the rest goes in. Exits with 1 when
    the file could not be read or no row went in.
    """
    started = time.monotonic()
    try:
        header = read_header(file)
        for warning in header.warnings:
            errors.print(Text(warning, "yellow"))
        if header.errors:
            raise CsvRefused(*header.errors)
        result = connection.run(lambda client: import_with_progress(client, file, quiet=as_json))
    except CsvRefused as error:
        listed = "".join(f"\n  {each}" for each in error.errors)
        raise click.ClickException(f"{file} cannot be imported:{listed}") from error
    if refused is not None:
        _write_refused(refused, result)
    if as_json:
        print_json(_as_json(result))
    else:
        show_result(result, time.monotonic() - started)
    if result.accepted == 0:
        raise click.exceptions.Exit(1)


async def import_with_progress(client: Client, file: Path, *, quiet: bool) -> ImportResult:
    """Imports the file; shows how far it is, in a terminal as a bar and elsewhere in lines."""
    result, total = ImportResult(), count_lines(file)
    parts = import_rows(client, read_rows(file), say_interrupted)
    if quiet or not console.is_terminal:
        said = time.monotonic()
        async for part in parts:
            result.add(part.answer)
            if not quiet and time.monotonic() - said > SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                console.print(f"Importing: line {part.last_line:,} of about {total:,}")
        return result
    with line_progress(console, "Importing") as progress:
        task = progress.add_task("import", total=total)
        async for part in parts:
            result.add(part.answer)
            progress.update(task, completed=min(part.last_line, total))
    return result


def show_result(result: ImportResult, seconds: float) -> None:
    """Prints what went in, and the first of the rows that did not."""
    console.print(
        facts(
            (
                ("Rows", f"{result.accepted:,} accepted, {result.refused_rows:,} refused"),
                ("Accounts", _counts(result.accounts_created, result.accounts_changed)),
                ("Contacts", _counts(result.contacts_created, result.contacts_changed)),
                ("Numbers", _counts(result.phone_numbers_created, result.phone_numbers_changed)),
                ("Time", span(seconds)),
            )
        )
    )
    if not result.refused:
        return
    table = Table(title="Refused rows", title_justify="left", box=None, header_style="dim")
    table.add_column("Line", justify="right")
    table.add_column("Column")
    table.add_column("Reason")
    for row in result.refused[:SHOWN_REFUSALS]:
        table.add_row(str(row.line), Text(row.column), Text(row.reason))
    console.print(table)
    left = len(result.refused) - SHOWN_REFUSALS
    if left > 0:
        console.print(f"and {left:,} more; --refused FILE writes all of them", style="dim")


def _counts(created: int, changed: int) -> str:
    return f"{created:,} created, {changed:,} changed"


def _write_refused(file: Path, result: ImportResult) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("line", "column", "reason"))
        writer.writerows((row.line, row.column, row.reason) for row in result.refused)


def _as_json(result: ImportResult) -> dict[str, object]:
    numbers = {
        name: getattr(result, name)
        for name in ImportResult.__dataclass_fields__
        if name != "refused"
    }
    refused = [
        {"line": row.line, "column": row.column, "reason": row.reason} for row in result.refused
    ]
    return {**numbers, "refused": refused}
