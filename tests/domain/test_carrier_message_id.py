"""Which ids of carriers can be stored and looked for."""

import pytest

from outbound_sms.domain.carrier_message_id import LONGEST, is_usable


@pytest.mark.parametrize("text", ["1", "SM" + "0" * 32, "a b", "é", "😀", "9" * LONGEST])
def test_any_text_of_sane_length_is_an_id(text: str) -> None:
    assert is_usable(text)


@pytest.mark.parametrize("text", ["", "\0", "a\0", "\ud83d", "é\udc00", "9" * (LONGEST + 1)])
def test_what_the_database_cannot_keep_is_none(text: str) -> None:
    assert not is_usable(text)
