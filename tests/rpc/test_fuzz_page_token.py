"""Whatever a client gives as a page token is one that we gave for the same list, or is refused.

FUZZ_SECONDS: see `tests.fuzzing`.
"""

import base64
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import strategies as st

from outbound_sms.domain.errors import InvalidRequest, Reason
from outbound_sms.rpc.caller import Caller, set_caller
from outbound_sms.rpc.pages import LARGEST_SIZE, Pages
from outboundsms.v1.contacts_pb2 import ListContactsRequest
from tests.fuzzing import SECONDS, mutated, rounds_of

INSTANCE = UUID(int=42)
LAST = "01890000-0000-7000-8000-000000000001"
PAGES = Pages(b"k" * 32)


@pytest.fixture(autouse=True)
def caller() -> Iterator[None]:
    set_caller(Caller(INSTANCE, UUID(int=1), "key", frozenset(), super_admin=True))
    yield


def good() -> str:
    return PAGES.next_token(ListContactsRequest(), LAST)


def read(token: str, size: int = 0) -> str | None:
    """The key that a token starts after; None when it is refused as documented."""
    request = ListContactsRequest(page_token=token, page_size=size)
    try:
        page = PAGES.read(request)
    except InvalidRequest as error:
        reason = Reason.INVALID_REQUEST if size < 0 else Reason.PAGE_TOKEN_INVALID
        assert error.reason is reason
        # Short ones are words of the message.
        assert len(token) < 20 or token not in str(error)
        return None
    assert 1 <= page.size <= LARGEST_SIZE
    return page.after


def test_no_text_that_we_did_not_write_is_a_page_token() -> None:
    token = good()
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    other = Pages(b"x" * 32).next_token(ListContactsRequest(), LAST)
    texts = (
        mutated([token.encode(), other.encode()]).map(lambda each: each.decode("latin-1"))
        | mutated([raw]).map(lambda each: base64.urlsafe_b64encode(each).decode().rstrip("="))
        | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
        | st.binary(min_size=1).map(lambda each: base64.urlsafe_b64encode(each).decode())
        | st.sampled_from(["A" * 1_000_000, "=" * 2_000, "\0", "٣" * 71])
    )
    sizes = st.integers(-(2**31), 2**31 - 1)
    for cases in rounds_of(st.tuples(texts.filter(bool), sizes), SECONDS / 2):
        for text, size in cases:
            found = read(text, size)
            # base64 has several ways to write the last bits; each says the same.
            assert found is None or found == LAST, text


def test_every_key_comes_back_as_it_was_given() -> None:
    keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
    for cases in rounds_of(keys, SECONDS / 2):
        for key in cases:
            token = PAGES.next_token(ListContactsRequest(), key)
            assert read(token) == key
            with pytest.raises(InvalidRequest):
                PAGES.read(ListContactsRequest(page_token=token, account_id="other"))
