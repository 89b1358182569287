"""`outbound-sms trigger fire --file`: progress, the refused events, and the end."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from google.protobuf.json_format import MessageToDict
from rich.text import Text

from outbound_sms.cli.connection import Connection
from outbound_sms.cli.event_lines import (
    STANDARD_INPUT,
    EventLine,
    EventsUnreadable,
    as_refused,
    count_lines,
)
from outbound_sms.cli.fire_events import fire_events
from outbound_sms.cli.fire_summary import FireSummary, show_summary
from outbound_sms.cli.line_progress import line_progress
from outbound_sms.cli.output import console, errors, print_json
from outbound_sms.cli.trigger_show import read_triggered_names
from outboundsms import Client
from outboundsms.v1 import triggers_pb2

REFUSED_SOME = 1
NOTHING_MADE = 3
"""Exit codes: of `trigger fire` with a file, and with or without one."""

_AGAIN = "When you fire the same events again, those that were fired are not fired twice."
_SECONDS_BETWEEN_LINES = 2.0


def fire_file(connection: Connection, file: Path, refused: Path | None, *, as_json: bool) -> int:
    """Fires the events of `file` and writes those that were refused to `refused`.

    Returns the exit code. Raises ClickException when it cannot go on, with what to do.
    """
    if refused is not None and refused.exists() and file.exists() and refused.samefile(file):
        raise click.UsageError("--refused would overwrite --file. Give it another name.")
    if file == STANDARD_INPUT and sys.stdin.isatty():
        raise click.UsageError(
            "Nothing is piped in. Give --file a file, or write it as PROGRAM | ..."
        )
    started, summary = time.monotonic(), FireSummary()
    with _refusals(refused) as refuse, _progress(file, quiet=as_json) as show_line:

        def answered(line: EventLine, answer: triggers_pb2.FireAnswer) -> None:
            summary.add(line, answer)
            if answer.HasField("error"):
                refuse(line, answer.error)
            if as_json:
                print_json(_as_json(line, answer))
            show_line(line.number)

        async def work(client: Client) -> dict[str, str]:
            await fire_events(client, file, answered)
            return await read_triggered_names(client) if summary.untexted and not as_json else {}

        try:
            names = connection.run(work)
        except click.ClickException as error:
            raise click.ClickException(f"{error.message} {_stopped(summary)}") from error
        except (EventsUnreadable, OSError) as error:
            raise click.ClickException(f"{error} {_stopped(summary)}") from error
        except KeyboardInterrupt:
            errors.print(Text(_stopped(summary), "yellow"))
            raise
    if as_json:
        print_json(summary.as_json())
    else:
        show_summary(summary, names, time.monotonic() - started)
    if summary.refused:
        return REFUSED_SOME
    return 0 if summary.texted or not summary.outcomes else NOTHING_MADE


def _stopped(summary: FireSummary) -> str:
    reached = f"Stopped after line {summary.line:,}." if summary.line else "Nothing was fired."
    return f"{reached} {_AGAIN}"


def _as_json(line: EventLine, answer: triggers_pb2.FireAnswer) -> dict[str, object]:
    return {
        "line": line.number,
        "event_key": line.event.event_key if line.event is not None else "",
        "answer": MessageToDict(answer, preserving_proto_field_name=True),
    }


@contextmanager
def _refusals(
    file: Path | None,
) -> Iterator[Callable[[EventLine, triggers_pb2.FireError], None]]:
    """Writes refused events as they are refused: what was written is there after a break."""
    if file is None:
        yield lambda _line, _error: None
        return
    with file.open("w", encoding="utf-8") as out:

        def refuse(line: EventLine, error: triggers_pb2.FireError) -> None:
            out.write(json.dumps(as_refused(line, error), ensure_ascii=False) + "\n")
            out.flush()

        yield refuse


@contextmanager
def _progress(file: Path, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Shows the line that was reached: in a terminal as a bar, elsewhere now and then as a line."""
    if quiet:
        yield lambda _line: None
        return
    total = count_lines(file)
    if not console.is_terminal:
        said = time.monotonic()
        of = f" of {total:,}" if total is not None else ""

        def say(line: int) -> None:
            nonlocal said
            if time.monotonic() - said > _SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                console.print(f"Firing: line {line:,}{of}")

        yield say
        return
    with line_progress(console, "Firing") as progress:
        task = progress.add_task("fire", total=total)
        yield lambda line: progress.update(task, completed=line)
