"""`outbound-sms admin import-suppressions`: numbers that opted out elsewhere."""

from collections.abc import Sequence
from pathlib import Path

import asyncpg
import click
from rich.text import Text

from outbound_sms.cli.csv_rows import CsvRefused
from outbound_sms.cli.database import on_database, run_on
from outbound_sms.cli.number_list import BadLine, NumberList, read_numbers
from outbound_sms.cli.output import console, errors, print_json
from outbound_sms.domain.consent import ConsentSource
from outbound_sms.domain.country import is_country
from outbound_sms.store.suppressions import Suppressed, suppress_many

ACTOR = "operator"

# Each is a transaction: nobody waits long for the rows that it changes.
_BATCH = 1_000


@click.command(
    "import-suppressions",
    epilog="""\b
Examples:
  outbound-sms admin import-suppressions opted-out.txt
  outbound-sms admin import-suppressions export.csv --country US --skip-bad
""",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--country", help="Of numbers that do not start with +, for example US.")
@click.option("--skip-bad", is_flag=True, help="Leave out the lines that are no phone number.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_database
def import_suppressions(
    database: str, file: Path, country: str | None, skip_bad: bool, as_json: bool
) -> None:
    """Suppresses the numbers of a file, in every instance: they are never texted again.

    The file has one number a line, or is CSV with a column `number`. Opt-ins of the numbers are
    cleared, with an entry in the consent record. Only a START from a number itself lifts it.

    With a line that is no phone number nothing is written, unless --skip-bad. Importing a file
    again changes nothing.
    """
    if country is not None and not is_country(country.upper()):
        raise click.BadParameter("is an ISO 3166 code, for example US", param_hint="--country")
    try:
        listed = read_numbers(file, country.upper() if country else None)
    except CsvRefused as error:
        raise click.ClickException(str(error)) from error
    refused = bool(listed.bad) and not skip_bad
    if not as_json:
        _tell_bad(listed.bad)
    done = Suppressed(0, 0) if refused else _import(database, listed.numbers, file.name)
    if as_json:
        print_json(_as_json(listed, done))
    elif refused:
        errors.print(
            "Nothing was imported: correct these lines, or leave them out with --skip-bad."
        )
    else:
        console.print(_in_words(listed, done), soft_wrap=True)
    if refused:
        raise SystemExit(1)


def _import(database: str, numbers: Sequence[str], name: str) -> Suppressed:
    async def work(connection: asyncpg.Connection) -> Suppressed:
        new = opt_ins = 0
        for start in range(0, len(numbers), _BATCH):
            done = await suppress_many(
                connection,
                numbers[start : start + _BATCH],
                source=ConsentSource.IMPORT,
                actor=ACTOR,
                evidence=f"Suppression list {name}",
            )
            new, opt_ins = new + done.numbers, opt_ins + done.opt_ins
        return Suppressed(new, opt_ins)

    return run_on(database, work)


def _tell_bad(bad: Sequence[BadLine]) -> None:
    for each in bad:
        errors.print(Text(f"Line {each.line} {each.text}.", "yellow"), soft_wrap=True)


def _as_json(listed: NumberList, done: Suppressed) -> dict[str, object]:
    return {
        "numbers": len(listed.numbers),
        "suppressed": done.numbers,
        "opt_ins_cleared": done.opt_ins,
        "bad_lines": [{"line": each.line, "text": each.text} for each in listed.bad],
    }


def _in_words(listed: NumberList, done: Suppressed) -> str:
    already = len(listed.numbers) - done.numbers
    said = (
        f"Numbers: {len(listed.numbers):,}. Suppressed now: {done.numbers:,}; before: {already:,}. "
        f"Opt-ins cleared: {done.opt_ins:,}."
    )
    return f"{said} Lines left out: {len(listed.bad):,}." if listed.bad else said
