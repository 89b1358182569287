"""API keys: their form, their checksum, and what is stored of them."""

import re

import pytest

from outbound_sms.domain.api_key import make_key, parse_key


def test_a_key_is_read_back_and_matches_only_its_own_hash() -> None:
    made, other = make_key(), make_key()
    assert re.fullmatch(r"sms_live_[A-Za-z0-9]{12}_[A-Za-z0-9]{43}_[0-9a-f]{8}", made.text)
    read = parse_key(made.text)
    assert read == made
    assert made.matches(made.secret_hash)
    assert not made.matches(other.secret_hash)
    assert len(made.secret_hash) == 32


def test_a_key_does_not_show_its_secret() -> None:
    made = make_key()
    assert made.text not in repr(made)
    assert made.lookup_id in repr(made)


def test_every_mistyped_character_is_noticed() -> None:
    text = make_key().text
    for place in range(len(text)):
        wrong = "a" if text[place] != "a" else "b"
        assert parse_key(text[:place] + wrong + text[place + 1 :]) is None, place


@pytest.mark.parametrize(
    "text",
    [
        *("", "sms_live_", "x" * 1000, "sms_live_é"),
        pytest.param(make_key().text + "0", id="one character too many"),
    ],
)
def test_what_is_not_written_like_a_key_is_none(text: str) -> None:
    assert parse_key(text) is None
