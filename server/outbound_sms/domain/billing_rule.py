"""What a text is billed for: two ways to count segments."""

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
