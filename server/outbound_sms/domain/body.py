"""The body of a message: the saved message's text, then the signature, and what they amount to."""

from dataclasses import dataclass

from outbound_sms.domain.billing_rule import BillingRule, billable_segments
from outbound_sms.domain.segments import (
    Encoding,
    OffendingCharacter,
    SegmentCount,
    count_segments,
)
from outbound_sms.domain.variable import strip_invisible

MAX_CHARACTERS = 1600
MAX_SEGMENTS = 10


@dataclass(frozen=True, slots=True)
class Body:
    """A text ready to be sent, with its length and segments.

    `characters` are septets in GSM-7 and UTF-16 code units in UCS-2. `warnings` are sentences for
    the person who previews the text; none of them stops it from being sent.
    """

    text: str
    encoding: Encoding
    characters: int
    carrier_segments: int
    billable_segments: int
    offending: tuple[OffendingCharacter, ...]
    warnings: tuple[str, ...]


class BodyRefused(ValueError):
    """A body that cannot be sent. `reason` is a key of `reason.REASONS`, `text` says what to do."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


def compose_body(saved_text: str, signature_text: str, rule: BillingRule) -> Body:
    """The saved text and the signature joined by one space, counted and billed by the rule.

    Control characters other than line feeds are removed. Raises BodyRefused when nothing is left,
    above 1,600 characters, or above 10 carrier segments, beyond which carriers drop texts.
    """
    parts = (strip_invisible(part).strip() for part in (saved_text, signature_text))
    text = " ".join(part for part in parts if part)
    if not text:
        raise BodyRefused("CONTENT.EMPTY", "the text is empty; write at least one character")
    if len(text) > MAX_CHARACTERS:
        raise BodyRefused(
            "CONTENT.TOO_LONG",
            f"the text has {len(text)} characters; shorten it to at most {MAX_CHARACTERS}",
        )
    count = count_segments(text)
    if count.carrier_segments > MAX_SEGMENTS:
        raise BodyRefused(
            "CONTENT.TOO_LONG",
            f"the text takes {count.carrier_segments} segments; shorten it to at most "
            f"{MAX_SEGMENTS}",
        )
    billable = billable_segments(count, rule)
    return Body(
        text=text,
        encoding=count.encoding,
        characters=count.characters,
        carrier_segments=count.carrier_segments,
        billable_segments=billable,
        offending=count.offending,
        warnings=tuple(_warnings(text, count, billable)),
    )


def _warnings(text: str, count: SegmentCount, billable: int) -> list[str]:
    warnings = []
    if count.offending:
        plain = text.translate({ord(found.character): "?" for found in count.offending})
        saved = count.carrier_segments - count_segments(plain).carrier_segments
        shown = " ".join(found.character for found in count.offending[:10])
        gain = f"; without them it would take {_segments(saved)} less" if saved > 0 else ""
        warnings.append(f"These characters force UCS-2: {shown}{gain}.")
    if billable < count.carrier_segments:
        warnings.append(
            f"{_segments(billable)} will be billed, but the carrier counts "
            f"{count.carrier_segments}."
        )
    return warnings


def _segments(number: int) -> str:
    return f"{number} segment" if number == 1 else f"{number} segments"
