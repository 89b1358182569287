import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.domain.variable import (
    choose_parts,
    clean_value,
    fill,
    strip_invisible,
    variables_of,
)

HOSTILE = "|B| {B} {0} %s %(B)s \\g<0> \\1 $B |A|"


def test_variables_are_replaced_by_their_values() -> None:
    assert fill("|A| and |B_C|, |A|", {"A": "one", "B_C": "two"}) == "one and two, one"
    assert variables_of("|A| and |B_C|, |A|") == {"A", "B_C"}


def test_a_value_that_looks_like_a_variable_or_a_format_is_text_only() -> None:
    assert fill("<|A|> <|B|>", {"A": HOSTILE, "B": "b"}) == f"<{HOSTILE}> <b>"


@given(st.text(st.sampled_from("|AB{}%s\\ 0"), min_size=1).filter(str.strip))
def test_no_value_is_ever_expanded(value: str) -> None:
    assert fill("<|A|>", {"A": value, "B": "expanded"}) == f"<{' '.join(value.split())}>"


@pytest.mark.parametrize("values", [{"A": "one"}, {"A": "one", "B": None}, {"A": "a", "B": " \t"}])
def test_a_missing_or_blank_value_is_named(values: dict[str, str | None]) -> None:
    with pytest.raises(ValueError, match="^B is missing$"):
        fill("|A| |B|", values)


def test_what_is_not_a_variable_stays() -> None:
    assert fill("a | b |c| |", {}) == "a | b |c| |"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ({"A", "B", "C"}, "|A| by |B| or |B| and |C|."),
        ({"A", "B"}, "|A| by |B|."),
        ({"A", "C"}, "|A|."),
        (set(), "|A|."),
    ],
)
def test_a_part_in_brackets_is_left_out_without_one_of_its_variables(
    names: set[str], text: str
) -> None:
    assert choose_parts("|A|[ by |B|][ or |B| and |C|].", names) == text


def test_a_value_becomes_one_line_of_visible_text() -> None:
    assert clean_value(" North\x00wind\r\n\u202eFiber\u00a0\u200bInc\t") == "Northwind Fiber Inc"
    assert clean_value(None) == ""


def test_line_feeds_and_joined_emoji_survive_but_controls_do_not() -> None:
    assert strip_invisible("a\nb\x07\x1b\ufeff") == "a\nb"
    assert strip_invisible("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧"
