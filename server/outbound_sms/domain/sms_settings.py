"""How an instance sends."""

from dataclasses import dataclass
from datetime import datetime

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.language import Language
from outbound_sms.domain.quiet_hours import QuietHours


@dataclass(frozen=True, slots=True)
class SmsSettings:
    """The settings of an instance. Money is micros of `currency`; each change raises `version`.

    Without `quiet_hours` triggered messages go out at any time. `country` (two letters),
    `data_center` and `platform` are what `sms_available` asks for; the platform operator sets them.
    `read_time` is when they were read, by the database's clock.
    """

    instance_name: str
    enabled: bool
    time_zone: str
    billing_rule: BillingRule
    default_language: Language
    segment_price_micros: int
    currency: str
    version: int
    quiet_hours: QuietHours | None
    country: str
    data_center: str
    platform: bool
    read_time: datetime


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
