"""`outbound-sms consent export`: the consent record, for whoever asks for proof."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import click
from rich.text import Text

from outbound_sms.cli.connection import Connection, connected, explain
from outbound_sms.cli.consent.events_csv import header, rows_of
from outbound_sms.cli.consent.words import kind_name, shown_text, source_name
from outbound_sms.cli.output import console, local_time, print_json
from outbound_sms.cli.time_span import SPAN_FORMS, set_span
from outboundsms import Client, OutboundSmsError
from outboundsms.v1 import contacts_pb2


@dataclass(frozen=True, slots=True)
class _Form:
    """How events are printed: what comes before the first, and what where there are none."""

    show: Callable[[Iterable[contacts_pb2.ConsentEvent]], None]
    begin: Callable[[], None]
    none: Callable[[], None]


@click.command(
    "export",
    epilog="""\b
Examples:
  outbound-sms consent export --number "(212) 555-0101"
  outbound-sms consent export --csv > consent.csv
  outbound-sms consent export --since 2026-01-01 --until 2026-07-01 --json
""",
)
@click.option("--number", default="", help="Only of this phone number.")
@click.option("--since", help=f"Recorded at or after this. {SPAN_FORMS}")
@click.option("--until", help="Recorded before this.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a header, for a regulator.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each event.")
@connected
def export(
    connection: Connection,
    number: str,
    since: str | None,
    until: str | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Prints every change of an opt-in, oldest first: which number, what, how, by whom, when.

    The words are those in which consent was given or taken back, for example the text of a STOP.
    In CSV and JSON times are UTC: when it happened, and when it was recorded.

    --since and --until go by the clock of the instance.
    """
    if as_csv and as_json:
        raise click.UsageError("Give --csv or --json, not both.")
    request = contacts_pb2.ExportConsentEventsRequest(number=number)
    form = _CSV if as_csv else _JSON if as_json else _LINES

    async def work(client: Client) -> None:
        await set_span(client, request, since, until)
        await _export(client, request, form, connection.target)

    connection.run(work)


async def _export(
    client: Client, request: contacts_pb2.ExportConsentEventsRequest, form: _Form, target: str
) -> None:
    """Prints the events. Raises ClickException when they end before the last one."""
    begun = False
    try:
        async for answer in client.contacts.ExportConsentEvents(request):
            if not begun:
                form.begin()
            begun = True
            form.show(answer.consent_events)
    except OutboundSmsError as error:
        if not begun:
            raise
        raise click.ClickException(
            f"The export is incomplete, export again: {explain(error, target)}"
        ) from error
    if not begun:
        form.none()


def _nothing() -> None:
    pass


def _print_header() -> None:
    click.echo(header(), nl=False)


def _print_csv(events: Iterable[contacts_pb2.ConsentEvent]) -> None:
    # Else it would leave out of the words what looks like a colour: evidence is exact.
    click.echo(rows_of(events), nl=False, color=True)


def _print_json(events: Iterable[contacts_pb2.ConsentEvent]) -> None:
    for event in events:
        print_json(event)


def _print_lines(events: Iterable[contacts_pb2.ConsentEvent]) -> None:
    for event in events:
        line = Text(f"{local_time(event.occur_time)}  ", "dim")
        line.append(f"{event.number:<16}  {kind_name(event.kind):<12}  ")
        line.append(f"{source_name(event.source):<7}  {shown_text(event.actor)}")
        if event.evidence:
            line.append(f"  {shown_text(event.evidence)}", "italic")
        console.print(line, soft_wrap=True)


_CSV = _Form(_print_csv, begin=_print_header, none=_print_header)
_JSON = _Form(_print_json, begin=_nothing, none=_nothing)
_LINES = _Form(_print_lines, begin=_nothing, none=lambda: console.print("No events match."))
