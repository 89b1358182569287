from datetime import UTC, datetime

import pytest

from outbound_sms.domain.time_zone import parse_zone, zone_names


@pytest.mark.parametrize("name", ["America/New_York", "America/Argentina/Salta", "UTC"])
def test_iana_names_are_zones(name: str) -> None:
    assert parse_zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "EST",
        "EST5EDT",
        "GMT-5",
        "-05:00",
        "+00:00",
        "Etc/GMT+5",
        "Eastern",
        "america/new_york",
        "../tzdata/zones",
        "/etc/localtime",
        "America/",
        "America/New_York\x00",
        "Mars/Olympus",
    ],
)
def test_offsets_abbreviations_and_paths_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="give a place such as America/New_York"):
        parse_zone(name)


def test_a_zone_knows_its_clock_changes() -> None:
    zone = parse_zone("America/New_York")
    names = [datetime(2026, month, 8, 12, tzinfo=UTC).astimezone(zone).tzname() for month in (1, 7)]
    assert names == ["EST", "EDT"]


def test_a_zone_is_read_once() -> None:
    assert parse_zone("America/Toronto") is parse_zone("America/Toronto")


def test_every_listed_name_can_be_read() -> None:
    assert {parse_zone(name).key for name in zone_names()} == zone_names()
