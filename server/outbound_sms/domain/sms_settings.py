"""How an instance sends."""

from dataclasses import dataclass
from datetime import datetime

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.errors import Reason, WrongState
from outbound_sms.domain.language import Language
from outbound_sms.domain.price_list import PriceList
from outbound_sms.domain.quiet_hours import QuietHours
from outbound_sms.domain.segments import Encoding

MOST_LOW_FUNDS_THRESHOLD_MICROS = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class SmsSettings:
    """The settings of an instance. Each change raises `version`.

    `prices` are those in force, None where the platform operator has set none for `currency`.
    Without `quiet_hours` triggered messages go out at any time. `country` (two letters),
    `data_center` and `platform` are what `sms_available` asks for; the platform operator sets them.
    `low_funds_threshold_micros` is the available money below which is warned; 0 for no warning.
    `read_time` is when they were read, by the database's clock.
    """

    instance_name: str
    enabled: bool
    time_zone: str
    billing_rule: BillingRule
    default_language: Language
    currency: str
    version: int
    quiet_hours: QuietHours | None
    country: str
    data_center: str
    platform: bool
    low_funds_threshold_micros: int
    prices: PriceList | None
    read_time: datetime

    def check_prices(self) -> PriceList:
        """The prices at which a text is accepted now. Raises WrongState (NO_PRICES)."""
        if self.prices is None:
            raise WrongState(
                Reason.NO_PRICES,
                f"There are no prices in {self.currency} yet, so that nothing can be accepted; ask "
                "the platform operator to set them.",
                currency=self.currency,
            )
        return self.prices

    def home_price_micros(self, encoding: Encoding) -> int:
        """The price of a segment to a number of the instance's own country; 0 without one."""
        return self.prices.prices.get((self.country, encoding), 0) if self.prices else 0


@dataclass(frozen=True, slots=True)
class QuietHoursChange:
    """New quiet hours; None ends them."""

    hours: QuietHours | None


@dataclass(frozen=True, slots=True)
class SmsSettingsChange:
    """New values; None leaves a setting as it is."""

    enabled: bool | None = None
    time_zone: str | None = None
    billing_rule: BillingRule | None = None
    default_language: Language | None = None
    quiet_hours: QuietHoursChange | None = None
    low_funds_threshold_micros: int | None = None
