"""`outbound-sms trigger fire`: tells of one event, or of a file of them."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import grpc
from rich.text import Text

from outbound_sms.cli.connection import Connection, connected, explain
from outbound_sms.cli.fire_file import NOTHING_MADE, fire_file
from outbound_sms.cli.fire_words import TEXTED, advice, headline
from outbound_sms.cli.output import console, plain_line, print_json
from outbound_sms.cli.trigger_show import read_triggered_names
from outbound_sms.cli.trigger_types import COUNT, trigger_key
from outbound_sms.cli.when import FORMS, parse_when
from outboundsms import Client, OutboundSmsError, trigger_event
from outboundsms.v1 import settings_pb2, triggers_pb2

_EPILOG = """\b
Examples:
  outbound-sms trigger fire INVOICE_DUE_IN_X_DAYS --account NW-10002 --event-key invoice-4711 \\
    --count 3 --set AMOUNT_DUE=45.10 --set DUE_DATE=2026-12-01 --expires +1d
  outbound-sms trigger fire --file events.jsonl --refused refused.jsonl
  billing-export | outbound-sms trigger fire --file -

\b
A file has an event a line, as TriggerEvent of triggers.proto in JSON:
  {"trigger_type": "PAYMENT_FAILURE", "account_number": "NW-10002", "event_key": "payment-981",
   "variables": {"AMOUNT_DUE": "45.10"}}

\b
Exit code: 0 texts were made, now or when it was fired before; 3 nothing was made, and the output
says why; 1 it failed, or events of the file were refused; 2 the command was not understood.
"""


@click.command("fire", epilog=_EPILOG)
@click.argument("trigger_type", default="")
@click.option("--account", help="Account number.")
@click.option("--event-key", help="What makes the event one of a kind, for example an invoice id.")
@click.option("--count", type=COUNT, help="Count, where the trigger type has one.")
@click.option("--job-type", default="", help="Type of job, where the trigger type has one.")
@click.option("--set", "variables", multiple=True, help="NAME=VALUE; `trigger types KEY` has them.")
@click.option("--expires", help=f"When the text has lost its point: {FORMS}. [default: +24h]")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="Fire the events of this file instead; - reads them from a pipe as they come.",
)
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the refused events, each with its reason; correct it and fire it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, of a file a line an event.")
@connected
def fire(
    connection: Connection,
    trigger_type: str,
    account: str | None,
    event_key: str | None,
    count: int | None,
    job_type: str,
    variables: tuple[str, ...],
    expires: str | None,
    file: Path | None,
    refused: Path | None,
    as_json: bool,
) -> None:
    """Tells that an event happened to an account; what is set up for TRIGGER_TYPE is texted.

    Fire as often as you like: an event key makes texts once in 90 days.
    """
    single = (trigger_type, account, event_key, count, job_type, variables, expires)
    if file is not None:
        if any(each not in ("", None, ()) for each in single):
            raise click.UsageError("With --file the events come from the file; give nothing else.")
        code = fire_file(connection, file, refused, as_json=as_json)
        raise click.exceptions.Exit(code)
    if refused is not None:
        raise click.UsageError("--refused goes with --file.")
    if not (trigger_type and account and event_key):
        raise click.UsageError("Give TRIGGER_TYPE, --account and --event-key, or --file.")
    event = trigger_event(
        trigger_key(trigger_type),
        event_key,
        account_number=account,
        count=count,
        job_type=job_type,
        variables=_variables(variables),
    )

    async def work(client: Client) -> triggers_pb2.FireResult:
        if expires is not None:
            event.expire_time.FromDatetime(await _expire_time(client, expires))
        result = await _fire(client, event, connection.target)
        if as_json:
            print_json(result)
        else:
            await show_result(client, event.trigger_type, result)
        return result

    if connection.run(work).outcome not in TEXTED:
        raise click.exceptions.Exit(NOTHING_MADE)


async def show_result(client: Client, trigger_type: str, result: triggers_pb2.FireResult) -> None:
    """Prints what the event came to, and for which triggered message; what to do where nothing."""
    console.print(Text(headline(result), "bold"))
    names = await read_triggered_names(client) if result.triggered_messages else {}
    for name, words in advice(result, trigger_type, names):
        console.print(Text(f"  {name}: " if name else "  ").append(words, "dim"), soft_wrap=True)
    for one in result.triggered_messages:
        for message_id in one.message_ids:
            plain_line(f"  outbound-sms messages show {message_id}")


def _variables(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, separator, value = each.partition("=")
        name = name.strip()
        if not separator or not name:
            raise click.UsageError(f"--set {each}: write NAME=VALUE, for example AMOUNT_DUE=45.10.")
        if name in found:
            raise click.UsageError(f"--set {name} is given twice.")
        found[name] = value
    return found


async def _expire_time(client: Client, text: str) -> datetime:
    settings = await client.settings.GetSmsSettings(settings_pb2.GetSmsSettingsRequest())
    zone = ZoneInfo(settings.settings.time_zone)
    try:
        return parse_when(text, datetime.now(UTC).replace(microsecond=0), zone)
    except ValueError as error:
        raise click.UsageError(f"--expires: {error}") from error


async def _fire(
    client: Client, event: triggers_pb2.TriggerEvent, target: str
) -> triggers_pb2.FireResult:
    request = triggers_pb2.FireTriggerRequest(event=event)
    try:
        return (await client.triggers.FireTrigger(request)).result
    except OutboundSmsError as error:
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise click.ClickException(
                f"{explain(error, target)} It may have been fired all the same: repeat the command "
                "with the same --event-key, and it is fired once only."
            ) from error
        raise
