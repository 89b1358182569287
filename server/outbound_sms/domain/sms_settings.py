"""How an instance sends."""

from dataclasses import dataclass

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.language import Language


@dataclass(frozen=True, slots=True)
class SmsSettings:
    """The settings of an instance. Money is micros of `currency`; each change raises `version`."""

    instance_name: str
    enabled: bool
    time_zone: str
    billing_rule: BillingRule
    default_language: Language
    segment_price_micros: int
    currency: str
    version: int


@dataclass(frozen=True, slots=True)
class SmsSettingsChange:
    """New values; None leaves a setting as it is."""

    enabled: bool | None = None
    time_zone: str | None = None
    billing_rule: BillingRule | None = None
    default_language: Language | None = None
