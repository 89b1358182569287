"""Which instances can send at all.

Outbound SMS is for the US and Canada, and carriers there are not reached from the Canadian data
center. The platform's own instance, whose keys manage the others, has no subscribers.
"""

from outbound_sms.domain.errors import Reason, WrongState

SMS_COUNTRIES = frozenset({"US", "CA"})
SMS_DATA_CENTER = "US"


def sms_available(country: str, data_center: str, platform: bool) -> bool:
    """Whether sending can be enabled; the country of the instance has two letters."""
    return country in SMS_COUNTRIES and data_center == SMS_DATA_CENTER and not platform


def unavailable(country: str, data_center: str, platform: bool) -> WrongState:
    """The error for enabling what `sms_available` says no to: why, and what could be done."""
    if platform:
        text = "The platform's own instance cannot send; create an instance for the sender."
    elif country not in SMS_COUNTRIES:
        text = "Sending is available in the US and Canada only, and the instance is elsewhere."
    else:
        text = "Sending is not available in the Canadian data center; ask for another one."
    return WrongState(Reason.SMS_NOT_AVAILABLE, text, country=country, data_center=data_center)
