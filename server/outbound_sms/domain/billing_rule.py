"""What a text is billed: two ways to count segments, and the price of them."""

from enum import IntEnum
from typing import assert_never

from outbound_sms.domain.segments import SegmentCount

_FIRST_SEGMENT = 160
_NEXT_SEGMENT = 145


class BillingRule(IntEnum):
    """How an instance's segments are counted for its bill.

    PRODUCT, the default, is the product's published rule: up to 160 characters are one segment and
    each further 145 one more, in either encoding, so a long UCS-2 text is billed less than the
    carrier charges for it. CARRIER bills the segments that the carrier counts.
    """

    PRODUCT = 1
    CARRIER = 2


def billable_segments(count: SegmentCount, rule: BillingRule) -> int:
    """Segments to bill; an empty text has none."""
    match rule:
        case BillingRule.PRODUCT:
            if count.characters == 0:
                return 0
            beyond = max(0, count.characters - _FIRST_SEGMENT)
            return 1 + -(-beyond // _NEXT_SEGMENT)
        case BillingRule.CARRIER:
            return count.carrier_segments
        case _:
            assert_never(rule)


def cost_micros(billable_segments: int, segment_price_micros: int) -> int:
    """The price of so many segments, in micros of the currency. Raises ValueError below zero."""
    if billable_segments < 0 or segment_price_micros < 0:
        raise ValueError("segments and price cannot be negative")
    return billable_segments * segment_price_micros
