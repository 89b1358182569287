"""`outbound-sms quiet-hours`: when triggered messages wait."""

import click
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, facts, print_json
from outbound_sms.cli.quiet_hours_words import MODES, force_in_words, hours_in_words
from outboundsms import Client
from outboundsms.v1 import quiet_hours_pb2, settings_pb2


@click.group("quiet-hours")
def quiet_hours() -> None:
    """Shows and sets the part of each day in which triggered messages wait."""


@quiet_hours.command("show", epilog="Example: outbound-sms quiet-hours show")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def show(connection: Connection, as_json: bool) -> None:
    """Shows the quiet hours, and whether they are in force now."""

    async def work(client: Client) -> None:
        request = settings_pb2.GetQuietHoursRequest()
        _show((await client.settings.GetQuietHours(request)).quiet_hours, as_json)

    connection.run(work)


@quiet_hours.command(
    "set",
    epilog="""\b
Examples:
  outbound-sms quiet-hours set 21:00 08:00
  outbound-sms quiet-hours set 20:00 08:00 --mode recipient
""",
)
@click.argument("start")
@click.argument("end")
@click.option(
    "--mode",
    type=click.Choice(list(MODES)),
    default="instance",
    show_default=True,
    help="Whose clock is meant.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def set_hours(connection: Connection, start: str, end: str, mode: str, as_json: bool) -> None:
    """Sets the quiet hours: from START to END, HH:MM, at most 12 hours, also over midnight.

    Acts on what waits within seconds. Mass messages go out at any time.
    """
    hours = quiet_hours_pb2.QuietHours(
        start_time=_two_digits(start), end_time=_two_digits(end), mode=MODES[mode]
    )
    connection.run(lambda client: _set(client, hours, as_json))


@quiet_hours.command("clear", epilog="Example: outbound-sms quiet-hours clear")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def clear(connection: Connection, as_json: bool) -> None:
    """Does away with the quiet hours: what waits goes out."""
    connection.run(lambda client: _set(client, quiet_hours_pb2.QuietHours(), as_json))


async def set_quiet_hours(
    client: Client, hours: quiet_hours_pb2.QuietHours
) -> quiet_hours_pb2.QuietHours:
    """Sets the quiet hours of the instance as a whole; returns them as stored."""
    request = settings_pb2.UpdateSmsSettingsRequest(
        settings=settings_pb2.SmsSettings(quiet_hours=hours),
        update_mask=FieldMask(paths=["quiet_hours"]),
    )
    return (await client.settings.UpdateSmsSettings(request)).settings.quiet_hours


async def _set(client: Client, hours: quiet_hours_pb2.QuietHours, as_json: bool) -> None:
    _show(await set_quiet_hours(client, hours), as_json)


def _show(hours: quiet_hours_pb2.QuietHours, as_json: bool) -> None:
    if as_json:
        print_json(hours)
        return
    console.print(
        facts((("Quiet hours", hours_in_words(hours)), ("In force now", force_in_words(hours)))),
        soft_wrap=True,
    )


def _two_digits(text: str) -> str:
    """`8:00` as the contract has it, `08:00`."""
    hour, colon, minute = text.strip().partition(":")
    return f"{hour.zfill(2)}{colon}{minute}"
