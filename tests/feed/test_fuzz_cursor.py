"""Whatever a client gives as a cursor is one of ours, or is refused by a reason that is documented.

FUZZ_SECONDS: see `tests.fuzzing`.
"""

import base64

from hypothesis import strategies as st

from outbound_sms.domain.errors import (
    InvalidRequest,
    OutboundSmsError,
    OutOfRange,
    Reason,
    WrongState,
)
from outbound_sms.feed.cursor import ANY_FILTER, Cursors, Position
from outbound_sms.feed.stream import Stream, WatchRequest
from tests.feed.test_cursor import CURSORS, EDGES, EPOCHS, EVERYTHING, GOOD, INSTANCE
from tests.fuzzing import SECONDS, mutated, rounds_of

KINDS: dict[Reason, type[OutboundSmsError]] = {
    Reason.CURSOR_INVALID: InvalidRequest,
    Reason.CURSOR_EXPIRED: OutOfRange,
    Reason.CURSOR_AHEAD: WrongState,
}

OTHERS = Cursors(b"x" * 32).encode(Position(3, 700), INSTANCE, EVERYTHING)
TEXTS = (
    mutated([GOOD.encode(), OTHERS.encode()]).map(lambda raw: raw.decode("latin-1"))
    | mutated([base64.urlsafe_b64decode(GOOD + "=")]).map(
        lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")
    )
    | st.text(min_size=1)
    | st.text(st.characters(max_codepoint=127), min_size=len(GOOD), max_size=len(GOOD))
    | st.binary(min_size=1).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
)
SIGNED = st.builds(
    lambda epoch, pos, bound: CURSORS.encode(Position(epoch, pos), INSTANCE, bound),
    st.integers(0, 2**32 - 1) | st.integers(0, 5),
    st.integers(-(2**63), 2**63 - 1) | st.integers(0, 1_100),
    st.sampled_from([EVERYTHING, ANY_FILTER]),
)


def begin(cursor: str) -> int | Reason:
    """Where a stream begins, or why it does not."""
    try:
        return Stream(WatchRequest(INSTANCE, cursor=cursor), CURSORS, EPOCHS, EDGES).pos
    except OutboundSmsError as error:
        assert type(error) is KINDS[error.reason]
        # Short ones are words of the message.
        assert len(cursor) < 20 or cursor not in str(error)
        return error.reason


def test_no_text_that_we_did_not_write_is_a_cursor() -> None:
    for cursors in rounds_of(TEXTS, SECONDS / 2):
        for cursor in cursors:
            found = begin(cursor)
            assert found is Reason.CURSOR_INVALID or cursor in ("", GOOD), cursor


def test_a_cursor_of_any_position_begins_where_the_feed_is_kept_or_is_refused() -> None:
    seen: set[Reason] = set()
    for cursors in rounds_of(SIGNED, SECONDS / 2):
        for cursor in cursors:
            found = begin(cursor)
            if isinstance(found, Reason):
                seen.add(found)
            else:
                assert EDGES.horizon <= found <= EDGES.head, cursor
    assert seen == {Reason.CURSOR_EXPIRED, Reason.CURSOR_AHEAD}
