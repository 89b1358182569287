import pytest

from outbound_sms.domain.count_text import format_count
from outbound_sms.domain.language import Language
from outbound_sms.domain.trigger_type import CountUnit


@pytest.mark.parametrize(
    ("count", "unit", "english", "french"),
    [
        (1, CountUnit.DAYS, "1 day", "1 jour"),
        (2, CountUnit.DAYS, "2 days", "2 jours"),
        (365, CountUnit.DAYS, "365 days", "365 jours"),
        (1, CountUnit.MONTHS, "1 month", "1 mois"),
        (12, CountUnit.MONTHS, "12 months", "12 mois"),
        (1, CountUnit.PERCENT, "1%", "1 %"),
        (80, CountUnit.PERCENT, "80%", "80 %"),
    ],
)
def test_a_count_reads_with_its_unit(
    count: int, unit: CountUnit, english: str, french: str
) -> None:
    assert format_count(count, unit, Language.EN) == english
    assert format_count(count, unit, Language.FR) == french
