"""Showing what a mass message would do, before anybody confirms it."""

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.output import ENCODINGS, console, facts, seconds_of, span
from outbound_sms.cli.preview_money import money_facts, shortfall_in_words
from outboundsms.v1 import language_pb2, mass_messages_pb2

LEFT_OUT = {
    mass_messages_pb2.LEFT_OUT_REASON_NOT_OPTED_IN: "not opted in",
    mass_messages_pb2.LEFT_OUT_REASON_NOT_SMS_CAPABLE: "cannot take texts",
    mass_messages_pb2.LEFT_OUT_REASON_NOT_US_OR_CA: "not of the US or Canada",
    mass_messages_pb2.LEFT_OUT_REASON_SUPPRESSED: "replied STOP",
    mass_messages_pb2.LEFT_OUT_REASON_DUPLICATE_NUMBER: "also on another contact",
}
LANGUAGES = {language_pb2.LANGUAGE_EN: "English", language_pb2.LANGUAGE_FR: "French"}
SHOWN_BODIES = 4


def show_preview(preview: mass_messages_pb2.PreviewMassMessageResponse) -> None:
    """Prints who, what, how much and how long, then the texts and what to be aware of."""
    console.print(
        facts(
            (
                ("Accounts", f"{preview.accounts:,}"),
                ("Contacts", f"{preview.contacts:,}"),
                ("Recipients", f"{preview.recipients:,}"),
                ("Left out", _left_out(preview)),
                ("Segments", _segments(preview)),
                *money_facts(preview),
                ("Time to send", span(seconds_of(preview.time_to_finish))),
            )
        )
    )
    for body in preview.bodies[:SHOWN_BODIES]:
        console.print(_body(body))
    if len(preview.bodies) > SHOWN_BODIES:
        console.print(f"and {len(preview.bodies) - SHOWN_BODIES} more texts", style="dim")
    for warning in preview.warnings:
        console.print(Text(f"Warning: {warning}", "yellow"))
    for line in shortfall_in_words(preview):
        console.print(Text(line, "yellow"), soft_wrap=True)


def _left_out(preview: mass_messages_pb2.PreviewMassMessageResponse) -> str:
    parts = [
        f"{each.phone_numbers:,} {LEFT_OUT.get(each.reason, 'for another reason')}"
        for each in preview.left_out
        if each.phone_numbers
    ]
    return ", ".join(parts) or "none"


def _segments(preview: mass_messages_pb2.PreviewMassMessageResponse) -> str:
    billed, carried = preview.billable_segments, preview.carrier_segments
    return f"{billed:,}" if billed == carried else f"{billed:,} billed, {carried:,} over the air"


def _body(body: mass_messages_pb2.PreviewBody) -> Panel:
    rendered = body.body
    counts = Table.grid(padding=(0, 1))
    counts.add_row(Text(rendered.text))
    language = LANGUAGES.get(body.language, "Text")
    encoding = ENCODINGS.get(rendered.encoding, "")
    segments = "segment" if rendered.billable_segments == 1 else "segments"
    counts.add_row(
        Text(
            f"{rendered.characters} characters in {encoding}, "
            f"{rendered.billable_segments} {segments}",
            "dim",
        )
    )
    if rendered.offending_characters:
        found = [f"{each.character} ({each.name})" for each in rendered.offending_characters]
        counts.add_row(Text(f"UCS-2 because of {', '.join(found)}", "yellow"))
    title = f"{language}, {body.recipients:,} recipients"
    return Panel(counts, title=title, title_align="left", border_style="dim", width=80)
