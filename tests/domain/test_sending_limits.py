"""The bounds of the limits against fraud."""

import pytest

from outbound_sms.domain.sending_limits import LARGEST, check_limit


@pytest.mark.parametrize("name", list(LARGEST))
def test_a_limit_is_nothing_or_up_to_its_largest(name: str) -> None:
    for value in (0, 2, LARGEST[name]):
        assert check_limit(name, value) is None
    for value in (-1, LARGEST[name] + 1, -(2**31)):
        said = check_limit(name, value)
        assert said is not None and "0 for no limit" in said


def test_a_surge_is_twice_the_usual_at_least() -> None:
    assert check_limit("surge_multiple", 1) is not None
    assert check_limit("messages_per_day", 1) is None
