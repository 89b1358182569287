"""What tells in which time zones a recipient may be."""

from datetime import UTC, datetime, time, timedelta

import pytest

from outbound_sms.domain.quiet_hours import QuietHours, QuietMode, next_release
from outbound_sms.domain.recipient_zone import (
    INSTANCE_KEY,
    RecipientZone,
    ZoneSource,
    effective_zones,
    find_recipient_zone,
    zone_names,
)
from outbound_sms.domain.region import REGIONS
from outbound_sms.domain.region_zone import REGION_ZONES
from outbound_sms.domain.time_zone import parse_zone

CHICAGO, DENVER, NEW_YORK = "America/Chicago", "America/Denver", "America/New_York"
IDAHO = "+12085550101"
TOLL_FREE = "+18005550101"
NOTHING_TOLD = RecipientZone(INSTANCE_KEY, ZoneSource.INSTANCE)


def number_in(area_code: int) -> str:
    return f"+1{area_code}5550101"


def test_the_zone_of_the_contact_comes_first() -> None:
    found = find_recipient_zone(CHICAGO, "US-NY", IDAHO)
    assert found == RecipientZone(CHICAGO, ZoneSource.CONTACT)


def test_then_a_region_that_has_one_zone_only() -> None:
    assert find_recipient_zone(None, "US-NY", IDAHO) == RecipientZone(NEW_YORK, ZoneSource.REGION)
    assert find_recipient_zone("", "US-CO", TOLL_FREE).key == DENVER


@pytest.mark.parametrize("region", ["US-ID", "US-AZ", "", "us-ny", "XX-YY", None])
def test_then_every_zone_of_the_number(region: str | None) -> None:
    found = find_recipient_zone(None, region, IDAHO)
    assert found == RecipientZone("America/Boise,America/Los_Angeles", ZoneSource.NUMBER)


@pytest.mark.parametrize(
    ("area_code", "key"),
    [
        (212, NEW_YORK),
        (312, CHICAGO),
        (416, "America/Toronto"),
        (808, "Pacific/Honolulu"),
        (907, "America/Adak,America/Anchorage"),
        (709, "America/Halifax,America/St_Johns"),
    ],
)
def test_area_codes_tell_where_a_number_was_given_out(area_code: int, key: str) -> None:
    found = find_recipient_zone(None, None, number_in(area_code))
    assert found == RecipientZone(key, ZoneSource.NUMBER)


@pytest.mark.parametrize(
    "e164",
    [TOLL_FREE, "+18885550101", "+15005550101", "+18765550101", "+442079460123", "+81312345678"],
)
def test_numbers_of_no_place_or_of_elsewhere_tell_nothing(e164: str) -> None:
    assert find_recipient_zone(None, None, e164) == NOTHING_TOLD


@pytest.mark.parametrize(
    "zone", ["EST", "Eastern", "-05:00", "Etc/GMT+5", "../etc", "Mars/Olympus"]
)
def test_a_zone_of_the_contact_that_is_none_is_passed_over(zone: str) -> None:
    assert find_recipient_zone(zone, None, TOLL_FREE) == NOTHING_TOLD
    assert find_recipient_zone(zone, "US-NY", IDAHO).source is ZoneSource.REGION


def test_a_key_is_the_names_of_its_zones_and_one_stands_for_the_instance() -> None:
    assert zone_names(f"{CHICAGO},{NEW_YORK}", DENVER) == (CHICAGO, NEW_YORK)
    assert zone_names(INSTANCE_KEY, DENVER) == (DENVER,)


def test_quiet_hours_are_kept_where_their_mode_says() -> None:
    key = f"{CHICAGO},{NEW_YORK}"
    recipient, instance = QuietMode.RECIPIENT, QuietMode.INSTANCE
    assert effective_zones(recipient, key, DENVER) == (parse_zone(CHICAGO), parse_zone(NEW_YORK))
    assert effective_zones(recipient, INSTANCE_KEY, DENVER) == (parse_zone(DENVER),)
    assert effective_zones(instance, key, DENVER) == (parse_zone(DENVER),)


def test_regions_of_one_zone_are_regions_and_their_zones_are_zones() -> None:
    assert REGION_ZONES.keys() <= REGIONS.keys()
    assert {parse_zone(zone).key for zone in REGION_ZONES.values()} == set(REGION_ZONES.values())


def test_regions_where_somebody_keeps_another_time_are_left_out_and_no_others() -> None:
    several = (
        "US-AK US-AL US-AZ US-FL US-ID US-IN US-KS US-KY US-MI US-ND US-NE US-NV US-OK US-OR US-SD "
        "US-TN US-TX CA-BC CA-NL CA-NT CA-NU CA-ON CA-QC CA-SK"
    )
    assert REGIONS.keys() - REGION_ZONES.keys() == set(several.split())


def test_the_longest_window_opens_each_day_for_whatever_a_number_tells() -> None:
    found = {find_recipient_zone(None, None, number_in(code)).key for code in range(200, 1000)}
    assert len(found) >= 20
    everywhere = {name for key in found for name in zone_names(key, NEW_YORK)}
    zones = [parse_zone(name) for name in sorted(everywhere)]
    for start in range(24):
        hours = QuietHours(time(start), time((start + 12) % 24), QuietMode.RECIPIENT)
        for month in (1, 3, 7, 11):
            now = datetime(2026, month, 1, tzinfo=UTC)
            release = next_release(hours, zones, now)
            assert release is not None
            assert release - now < timedelta(days=1)
