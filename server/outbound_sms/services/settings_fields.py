"""The SMS settings as they are sent and received."""

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.errors import Violations
from outbound_sms.domain.segments import Encoding
from outbound_sms.domain.sms_availability import sms_available
from outbound_sms.domain.sms_settings import (
    MOST_LOW_FUNDS_THRESHOLD_MICROS,
    QuietHoursChange,
    SmsSettings,
    SmsSettingsChange,
)
from outbound_sms.domain.time_zone import parse_zone
from outbound_sms.rpc.fields import check_enum
from outbound_sms.services.language_fields import read_language, show_language
from outbound_sms.services.quiet_hours_fields import read_quiet_hours, show_quiet_hours
from outboundsms.v1 import language_pb2, settings_pb2

CHANGEABLE = frozenset(
    {
        "enabled",
        "time_zone",
        "billing_rule",
        "default_language",
        "quiet_hours",
        "low_funds_threshold_micros",
    }
)


def read_change(
    violations: Violations, given: settings_pb2.SmsSettings, mask: frozenset[str]
) -> SmsSettingsChange:
    """What the mask asks to change; worth using only when there is no violation."""
    zone = rule = language = quiet_hours = threshold = None
    if "time_zone" in mask:
        zone = given.time_zone
        try:
            parse_zone(zone)
        except ValueError as error:
            violations.add("settings.time_zone", f"is {error}")
    if "billing_rule" in mask and check_enum(
        violations, "settings.billing_rule", given.billing_rule, settings_pb2.BillingRule
    ):
        rule = BillingRule(given.billing_rule)
    if "default_language" in mask and check_enum(
        violations, "settings.default_language", given.default_language, language_pb2.Language
    ):
        language = read_language(violations, "settings.default_language", given.default_language)
    if "quiet_hours" in mask:
        hours = read_quiet_hours(violations, "settings.quiet_hours", given.quiet_hours)
        quiet_hours = QuietHoursChange(hours)
    if "low_funds_threshold_micros" in mask:
        threshold = given.low_funds_threshold_micros
        if not 0 <= threshold <= MOST_LOW_FUNDS_THRESHOLD_MICROS:
            violations.add(
                "settings.low_funds_threshold_micros",
                f"is out of range; give 0 to {MOST_LOW_FUNDS_THRESHOLD_MICROS:,} micros",
            )
    return SmsSettingsChange(
        enabled=given.enabled if "enabled" in mask else None,
        time_zone=zone,
        billing_rule=rule,
        default_language=language,
        quiet_hours=quiet_hours,
        low_funds_threshold_micros=threshold,
    )


def show(found: SmsSettings) -> settings_pb2.SmsSettings:
    """The settings as the contract has them."""
    return settings_pb2.SmsSettings(
        enabled=found.enabled,
        time_zone=found.time_zone,
        billing_rule=settings_pb2.BillingRule.ValueType(found.billing_rule),
        default_language=show_language(found.default_language),
        segment_price_micros=found.home_price_micros(Encoding.GSM7),
        currency=found.currency,
        instance_name=found.instance_name,
        etag=str(found.version),
        quiet_hours=show_quiet_hours(found.quiet_hours, found.time_zone, found.read_time),
        sms_available=sms_available(found.country, found.data_center, found.platform),
        low_funds_threshold_micros=found.low_funds_threshold_micros,
    )
