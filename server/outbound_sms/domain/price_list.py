"""What a segment costs, by the recipient's country and the encoding of the text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from outbound_sms.domain.segments import Encoding

COUNTRIES = ("CA", "US")
MAX_PRICE_MICROS = 1_000_000_000

PriceKey = tuple[str, Encoding]
"""Country of the recipient's number, ISO 3166 alpha-2, and encoding of the text."""

PRICE_KEYS: tuple[PriceKey, ...] = tuple(
    (country, encoding) for country in COUNTRIES for encoding in Encoding
)
"""What every price list has a price for."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices of billable segments, in micros of `currency`, from `effective_time` on.

    Never changed: a text keeps the `version` that it was accepted at. `effective_time` None means
    from the beginning.
    """

    version: int
    currency: str
    effective_time: datetime | None
    prices: Mapping[PriceKey, int]
    create_time: datetime | None

    def cost_micros(self, country: str, encoding: Encoding, billable_segments: int) -> int:
        """What a text costs, exactly.

        Raises ValueError for fewer segments than none, and KeyError for a country that is never
        texted.
        """
        if billable_segments < 0:
            raise ValueError("segments cannot be negative")
        return billable_segments * self.prices[country, encoding]
