"""Short texts that people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.domain.errors import InvalidRequest, Violations
from outbound_sms.domain.text_field import check_text


def read(value: str, *, required: bool = True, longest: int = 10) -> str:
    violations = Violations()
    text = check_text(violations, "name", value, required=required, longest=longest)
    violations.raise_if_any()
    return text


@pytest.mark.parametrize("value", ["Support", "  Support\n", "Réseau", "%s {0} |X|", "x" * 10])
def test_a_text_comes_back_without_the_space_around_it(value: str) -> None:
    assert read(value) == value.strip()


def test_an_empty_text_is_wrong_only_where_one_is_needed() -> None:
    assert read(" ", required=False) == ""
    with pytest.raises(InvalidRequest, match="is empty"):
        read(" ")


@pytest.mark.parametrize("value", ["a\0b", "a\nb", "a\x1bb", "a\x85b", "a\u2028b"])
def test_control_characters_are_refused(value: str) -> None:
    with pytest.raises(InvalidRequest, match="control character"):
        read(value)


@given(st.text(max_size=30))
def test_what_is_accepted_is_short_printable_and_trimmed(value: str) -> None:
    try:
        text = read(value)
    except InvalidRequest:
        return
    assert text == text.strip()
    assert 1 <= len(text) <= 10
    assert "\0" not in text
    assert "\n" not in text
