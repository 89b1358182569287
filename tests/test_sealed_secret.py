"""Sealing and opening: what opens, and that nothing else does."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound_sms.sealed_secret import CannotOpen, is_sealed, open_sealed, seal
from outbound_sms.sealing_keys import SealingKeys

NAME = "carrier.primary.auth_token"
SECRET = "a-secret-of-a-carrier"
OLD = SealingKeys("old", {"old": bytes(32)})
NEW = SealingKeys("new", {"new": bytes(range(32)), "old": bytes(32)})
WRONG = SealingKeys("old", {"old": bytes(31) + b"\1"})


def failure(keys: SealingKeys | None, name: str, text: str) -> str:
    with pytest.raises(CannotOpen) as caught:
        open_sealed(keys, name, text)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert SECRET not in str(caught.value)
    return str(caught.value)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.text(max_size=40))
def test_what_is_sealed_opens_as_it_was(secret: str, name: str) -> None:
    name = name.encode(errors="replace").decode()
    sealed = seal(OLD, name, secret)
    assert is_sealed(sealed)
    assert sealed.isascii()
    assert open_sealed(OLD, name, sealed) == secret


def test_the_same_secret_is_never_sealed_the_same() -> None:
    assert len({seal(OLD, NAME, SECRET) for _ in range(50)}) == 50


def test_after_a_rotation_the_new_key_seals_and_both_open() -> None:
    before, after = seal(OLD, NAME, SECRET), seal(NEW, NAME, SECRET)
    assert before.startswith("sealed:old:")
    assert after.startswith("sealed:new:")
    assert open_sealed(NEW, NAME, before) == open_sealed(NEW, NAME, after) == SECRET
    assert "key new, which the file of sealing keys does not have" in failure(OLD, NAME, after)


def test_a_key_of_the_same_id_that_is_another_does_not_open() -> None:
    assert "does not open with the key old" in failure(WRONG, NAME, seal(OLD, NAME, SECRET))


@pytest.mark.parametrize(
    "name", ["carrier.other.auth_token", "carrier.primary.second_auth_token", "api_key", ""]
)
def test_a_sealed_text_does_not_open_under_another_name(name: str) -> None:
    assert "sealed for another name" in failure(OLD, name, seal(OLD, NAME, SECRET))


def test_no_bit_of_a_sealed_text_can_be_flipped() -> None:
    prefix, _, text = seal(OLD, NAME, SECRET).rpartition(":")
    raw = base64.b64decode(text)
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        failure(OLD, NAME, f"{prefix}:{base64.b64encode(changed).decode()}")


def test_no_end_of_a_sealed_text_can_be_cut_off() -> None:
    prefix, _, text = seal(OLD, NAME, SECRET).rpartition(":")
    raw = base64.b64decode(text)
    for kept in range(1, len(raw)):
        failure(OLD, NAME, f"{prefix}:{base64.b64encode(raw[:kept]).decode()}")


@pytest.mark.parametrize(
    "text",
    [
        "sealed:",
        "sealed:old",
        "sealed:old:",
        "sealed::AAAA",
        "sealed:old:AAA",
        "sealed:old:A A=",
        "sealed:old:!!!!",
        f"sealed:{'k' * 65}:AAAA",
        "sealed:old:AAAA\n",
    ],
)
def test_what_only_begins_like_a_sealed_text_says_what_to_do(text: str) -> None:
    assert f"`outbound-sms admin seal {NAME}`" in failure(OLD, NAME, text)


def test_without_keys_the_setting_is_named() -> None:
    assert "OUTBOUND_SMS_SEALING_KEYS" in failure(None, NAME, seal(OLD, NAME, SECRET))
