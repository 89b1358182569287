"""`outbound-sms watch`: one mass message's progress, or every change of status."""

from datetime import UTC
from pathlib import Path

import click
from rich.text import Text

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, print_json, styled_status
from outbound_sms.cli.progress import follow, say_interrupted
from outboundsms import Client, Start
from outboundsms.v1 import delivery_pb2

_EPILOG = """\b
Examples:
  outbound-sms watch 0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11
  outbound-sms watch --json --cursor-file seen.cursor >> changes.jsonl
"""


@click.command(epilog=_EPILOG)
@click.argument("mass_message_id", default="")
@click.option("--changes", is_flag=True, help="Of a mass message: each change, not its progress.")
@click.option("--oldest", is_flag=True, help="Start with the oldest change that is kept.")
@click.option("--cursor", default="", help="Start after this cursor.")
@click.option(
    "--cursor-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Start after the cursor in this file, if there is one, and keep it up to date.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each answer.")
@connected
def watch(
    connection: Connection,
    mass_message_id: str,
    changes: bool,
    oldest: bool,
    cursor: str,
    cursor_file: Path | None,
    as_json: bool,
) -> None:
    """Shows the progress of MASS_MESSAGE_ID, or without it every change of status as it happens.

    Goes on by itself when the server restarts, and misses nothing. Changes are shown until Ctrl-C;
    with --cursor-file the next call goes on where this one stopped.
    """
    if cursor_file is not None and not cursor and cursor_file.exists():
        cursor = cursor_file.read_text(encoding="ascii").strip()
    if mass_message_id and not (changes or oldest or cursor or cursor_file):
        connection.run(lambda client: follow(client, mass_message_id, as_json=as_json))
        return

    async def save(reached: str) -> None:
        if cursor_file is not None:
            _replace(cursor_file, reached)

    async def work(client: Client) -> None:
        async with client.watch_messages(
            cursor=cursor,
            start=Start.OLDEST if oldest else Start.NOW,
            mass_message_id=mass_message_id,
            save_cursor=save,
            on_interruption=say_interrupted,
        ) as events:
            async for event in events:
                if as_json:
                    print_json(event)
                else:
                    console.print(_line(event), soft_wrap=True)

    connection.run(work)


def _line(event: delivery_pb2.MessageEvent) -> Text:
    moment = event.event_time.ToDatetime(UTC).astimezone()
    line = Text(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}  {event.message_id}  ")
    line.append_text(styled_status(event.status))
    if event.reject_reason:
        line.append(f"  {event.reject_reason}", "dim")
    return line


def _replace(file: Path, text: str) -> None:
    """A crash leaves the old cursor or the new one, never a part."""
    part = file.with_name(file.name + ".new")
    part.write_text(text + "\n", encoding="ascii")
    part.replace(file)
