"""--since and --until, by the clock of the instance."""

from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import click
from google.protobuf.timestamp_pb2 import Timestamp

from outbound_sms.cli.when import parse_when
from outboundsms import Client
from outboundsms.v1 import settings_pb2

SPAN_FORMS = "A day, 2026-11-23, or a time, 2026-11-23T14:30."


class _Spanned(Protocol):
    @property
    def start_time(self) -> Timestamp: ...

    @property
    def end_time(self) -> Timestamp: ...


async def set_span(client: Client, request: _Spanned, since: str | None, until: str | None) -> None:
    """Sets the times that were given. Raises BadParameter for what is no time."""
    if since is None and until is None:
        return
    answer = await client.settings.GetSmsSettings(settings_pb2.GetSmsSettingsRequest())
    zone, now = ZoneInfo(answer.settings.time_zone), datetime.now(UTC)
    for option, text, field in (
        ("--since", since, request.start_time),
        ("--until", until, request.end_time),
    ):
        if text is None:
            continue
        try:
            field.FromDatetime(parse_when(text, now, zone))
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=option) from error
