"""A statement as CSV (RFC 4180)."""

import csv
import io

from outbound_sms.cli.billing.words import kind_name
from outbound_sms.domain.money_text import plain_micros
from outboundsms.v1 import billing_pb2

HEADER = (
    "month",
    "date",
    "kind",
    "entries",
    "billable_segments",
    "available",
    "held",
    "spent",
    "currency",
)


def csv_of(statement: billing_pb2.GetStatementResponse) -> str:
    """A header, a row `opening`, a row for each day and kind, and a row `closing`.

    Amounts are decimal units of the currency with 6 decimals and a sign where they are below 0. The
    three amounts of `opening` and `closing` are balances, those between them are changes.
    """
    out = io.StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow(HEADER)
    rows.writerow(_row(statement, "", "opening", ("", ""), statement.opening))
    for line in statement.lines:
        counts = (str(line.entries), str(line.billable_segments))
        rows.writerow(_row(statement, line.date, kind_name(line.kind), counts, line))
    rows.writerow(_row(statement, "", "closing", ("", ""), statement.closing))
    return out.getvalue()


def _row(
    statement: billing_pb2.GetStatementResponse,
    date: str,
    kind: str,
    counts: tuple[str, str],
    amounts: billing_pb2.StatementBalance | billing_pb2.StatementLine,
) -> tuple[str, ...]:
    return (
        statement.month,
        date,
        kind,
        *counts,
        plain_micros(amounts.available_micros),
        plain_micros(amounts.held_micros),
        plain_micros(amounts.spent_micros),
        statement.currency,
    )
