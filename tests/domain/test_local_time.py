from datetime import UTC, date, datetime, timedelta

import pytest

from outbound_sms.domain.language import Language
from outbound_sms.domain.local_time import format_date, format_local_time
from outbound_sms.domain.segments import Encoding, count_segments
from outbound_sms.domain.time_zone import parse_zone


@pytest.mark.parametrize(
    ("moment", "zone", "english", "french"),
    [
        ("2026-03-08T02:30Z", "America/New_York", "Mar 7 9:30 PM EST", "7 mars 21 h 30 HNE"),
        ("2026-03-08T07:00Z", "America/New_York", "Mar 8 3:00 AM EDT", "8 mars 3 h HAE"),
        ("2026-08-01T04:05Z", "America/Toronto", "Aug 1 12:05 AM EDT", "1er aout 0 h 05 HAE"),
        ("2026-02-01T18:00Z", "America/Winnipeg", "Feb 1 12:00 PM CST", "1er févr. 12 h HNC"),
        ("2026-12-31T23:59Z", "America/St_Johns", "Dec 31 8:29 PM NST", "31 déc. 20 h 29 HNT"),
        ("2026-07-04T12:00Z", "America/Vancouver", "Jul 4 5:00 AM PDT", "4 juill. 5 h HAP"),
        ("2026-01-04T12:00Z", "Pacific/Honolulu", "Jan 4 2:00 AM HST", "4 janv. 2 h HST"),
        ("2026-01-04T12:00Z", "America/Sao_Paulo", "Jan 4 9:00 AM UTC-03", "4 janv. 9 h UTC-03"),
    ],
)
def test_times_read_in_the_zone_and_the_language(
    moment: str, zone: str, english: str, french: str
) -> None:
    at = datetime.fromisoformat(moment)
    assert format_local_time(at, parse_zone(zone), Language.EN) == english
    assert format_local_time(at, parse_zone(zone), Language.FR) == french


def test_the_repeated_hour_of_autumn_is_told_apart_by_the_zone_name() -> None:
    zone = parse_zone("America/New_York")
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert format_local_time(first, zone, Language.EN) == "Nov 1 1:30 AM EDT"
    second = first + timedelta(hours=1)
    assert format_local_time(second, zone, Language.EN) == "Nov 1 1:30 AM EST"


@pytest.mark.parametrize(
    ("day", "english", "french"),
    [
        (date(2026, 12, 1), "Dec 1", "1er déc"),
        (date(2027, 5, 31), "May 31", "31 mai"),
        (date(2028, 2, 29), "Feb 29", "29 févr"),
        (date(2026, 8, 2), "Aug 2", "2 aout"),
    ],
)
def test_a_day_reads_in_the_language_and_may_end_a_sentence(
    day: date, english: str, french: str
) -> None:
    assert format_date(day, Language.EN) == english
    assert format_date(day, Language.FR) == french


@pytest.mark.parametrize("language", Language)
def test_every_day_of_the_year_is_short_and_gsm7(language: Language) -> None:
    zone = parse_zone("America/Edmonton")
    start = datetime(2026, 1, 1, 6, 30, tzinfo=UTC)
    for day in range(365):
        text = format_local_time(start + timedelta(days=day), zone, language)
        count = count_segments(text)
        assert count.encoding is Encoding.GSM7
        assert count.characters <= 22


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        format_local_time(datetime(2026, 1, 1), parse_zone("UTC"), Language.EN)
