"""Texts of no mass message that wait past their validity: they fail, and say what had held them."""

from outbound_sms.domain.quiet_hours import is_quiet
from outbound_sms.domain.recipient_zone import effective_zones
from outbound_sms.store import mass_control as store
from outbound_sms.store.mass_control import Expired
from outbound_sms.store.pool import Pool

EXPIRED = "EXPIRY.VALIDITY"
EXPIRED_IN_QUIET_HOURS = "POLICY.QUIET_HOURS_EXPIRED"

EXPIRY_INTERVAL = 1.0
CHUNK = 5_000


async def expire_once(pool: Pool) -> int:
    """Fails a chunk of the texts of no mass message whose validity has passed; returns how many."""
    expired = await store.list_expired(pool, CHUNK)
    if not expired:
        return 0
    return await store.fail_expired(pool, {text.message_id: _reason(text) for text in expired})


def _reason(text: Expired) -> str:
    """Quiet hours are to blame if they held the text at the moment when its validity passed."""
    if not text.zones or text.hours is None:
        return EXPIRED
    hours = text.hours
    try:
        zones = effective_zones(hours.mode, text.zones, text.time_zone)
    except ValueError:
        # A text with a zone that nobody knows was held for all of its time.
        return EXPIRED_IN_QUIET_HOURS
    held = any(is_quiet(hours, zone, text.valid_until) for zone in zones)
    return EXPIRED_IN_QUIET_HOURS if held else EXPIRED
