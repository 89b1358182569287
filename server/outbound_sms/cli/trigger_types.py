"""`outbound-sms trigger types`: the events that can be told of."""

import difflib

import click
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, facts, print_json
from outbound_sms.cli.preview import LANGUAGES
from outboundsms import Client
from outboundsms.v1 import triggers_pb2

COUNT = click.IntRange(1, 1_000)
"""Counts of any unit; the server knows which a trigger type takes."""

COUNT_UNITS = {
    triggers_pb2.COUNT_UNIT_MONTHS: "months",
    triggers_pb2.COUNT_UNIT_DAYS: "days",
    triggers_pb2.COUNT_UNIT_PERCENT: "percent",
}
KINDS = {
    triggers_pb2.TRIGGER_VARIABLE_KIND_TEXT: "text, up to 60 characters",
    triggers_pb2.TRIGGER_VARIABLE_KIND_AMOUNT: "money, for example 45.10",
    triggers_pb2.TRIGGER_VARIABLE_KIND_DATE: "day, YYYY-MM-DD",
    triggers_pb2.TRIGGER_VARIABLE_KIND_TIME: "moment, for example 2026-12-01T14:30:00-05:00",
}


@click.command(
    "types",
    epilog="""\b
Examples:
  outbound-sms trigger types
  outbound-sms trigger types INVOICE_DUE_IN_X_DAYS
""",
)
@click.argument("key", default="")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each.")
@connected
def types(connection: Connection, key: str, as_json: bool) -> None:
    """Lists the trigger types; with KEY, shows one with its variables and its saved message."""

    async def work(client: Client) -> None:
        request = triggers_pb2.ListTriggerTypesRequest()
        found = list((await client.triggers.ListTriggerTypes(request)).trigger_types)
        if key:
            found = [_find(found, trigger_key(key))]
        if as_json:
            for each in found:
                print_json(each)
        elif key:
            show_type(found[0])
        else:
            console.print(types_table(found))

    connection.run(work)


def trigger_key(text: str) -> str:
    """The key of a trigger type as the contract writes it."""
    return text.strip().upper().replace("-", "_")


def unit_of(trigger: triggers_pb2.TriggerType) -> str:
    """What an event of this type has besides variables: a count, a type of job, or nothing."""
    if trigger.has_job_type:
        return "job type"
    return COUNT_UNITS.get(trigger.count_unit, "")


def types_table(found: list[triggers_pb2.TriggerType]) -> Table:
    """Key and name, unit of the count, and variables, with a star where they are required."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Trigger type", no_wrap=True)
    table.add_column("Count", no_wrap=True)
    table.add_column("Variables, * required")
    for each in found:
        head = Text(each.key, "" if each.supports_sms else "dim")
        variables = ", ".join(
            f"{variable.name}{'*' if variable.required else ''}" for variable in each.variables
        )
        table.add_row(
            head.append(f"\n{each.name}", "dim"),
            unit_of(each),
            Text(variables) if each.supports_sms else Text("no text", "dim"),
        )
    return table


def show_type(trigger: triggers_pb2.TriggerType) -> None:
    """Prints everything about one trigger type."""
    rows = [("Trigger type", trigger.key), ("Name", trigger.name)]
    rows.append(("Fire it when", trigger.fires_when))
    rows.append(("Count", unit_of(trigger) or "none"))
    if not trigger.supports_sms:
        rows.append(("No text because", trigger.no_sms_reason))
    console.print(facts(rows))
    if trigger.variables:
        table = Table(box=None, header_style="dim", pad_edge=False)
        for column in ("Variable", "Required", "Written as", "Meaning"):
            table.add_column(column)
        for each in trigger.variables:
            required = "yes" if each.required else "no"
            kind = KINDS.get(each.kind, "")
            table.add_row(each.name, required, Text(kind), Text(each.description))
        console.print()
        console.print(table)
    for text in trigger.texts:
        console.print(Text(f"\n{LANGUAGES.get(text.language, 'Text')}: ", "dim").append(text.text))


def _find(found: list[triggers_pb2.TriggerType], key: str) -> triggers_pb2.TriggerType:
    known = {each.key: each for each in found}
    if key not in known:
        near = difflib.get_close_matches(key, known, n=5, cutoff=0.4)
        hint = f"Is it one of: {', '.join(near)}?" if near else "`trigger types` lists all."
        raise click.UsageError(f"There is no trigger type {key}. {hint}")
    return known[key]
