"""Consent events as CSV (RFC 4180)."""

import csv
import io
from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp

from outbound_sms.cli.consent.words import kind_name, source_name
from outboundsms.v1 import contacts_pb2

HEADER = (
    "number",
    "kind",
    "source",
    "actor",
    "words",
    "occur_time",
    "record_time",
    "contact_id",
    "consent_event_id",
)


def header() -> str:
    """The first line."""
    return _lines([HEADER])


def rows_of(events: Iterable[contacts_pb2.ConsentEvent]) -> str:
    """A row for each event. Times are UTC, ISO 8601; the words are those that were recorded."""
    return _lines(_row(event) for event in events)


def _row(event: contacts_pb2.ConsentEvent) -> tuple[str, ...]:
    return (
        event.number,
        kind_name(event.kind),
        source_name(event.source),
        event.actor,
        event.evidence,
        _utc(event.occur_time),
        _utc(event.create_time),
        event.contact_id,
        event.consent_event_id,
    )


def _utc(moment: Timestamp) -> str:
    return moment.ToJsonString()


def _lines(rows: Iterable[tuple[str, ...]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()
