"""Cursors in the hands of clients: broken, foreign, forged, old, and from the future."""

import base64
from uuid import UUID, uuid4

import pytest

from outbound_sms.domain.errors import (
    InvalidRequest,
    OutboundSmsError,
    OutOfRange,
    Reason,
    WrongState,
)
from outbound_sms.feed.cursor import ANY_FILTER, Cursors, Position, filter_hash
from outbound_sms.feed.epoch import Epochs
from outbound_sms.feed.stream import Start, Stream, WatchRequest
from outbound_sms.store.feed import Edges
from outbound_sms.store.feed_upkeep import Epoch

CURSORS = Cursors(b"k" * 32)
# Fixed, because the tests' names begin with the cursor that is made of them.
INSTANCE = UUID("01900000-0000-7000-8000-00000000002a")
MASS_MESSAGE = UUID("01900000-0000-7000-8000-00000000002b")
EVERYTHING = filter_hash(None)
GOOD = CURSORS.encode(Position(3, 700), INSTANCE, EVERYTHING)

# Positions 1 to 499 were given out in epoch 1, 500 to 599 in epoch 2, later ones in epoch 3.
EPOCHS = Epochs([Epoch(1, 9, 1, 1), Epoch(2, 9, 2, 500), Epoch(3, 9, 3, 600)])
EDGES = Edges(horizon=100, head=1_000, epoch=3)


def begin(cursor: str, instance_id: UUID = INSTANCE, mass_message_id: UUID | None = None) -> int:
    request = WatchRequest(instance_id, cursor=cursor, mass_message_id=mass_message_id)
    return Stream(request, CURSORS, EPOCHS, EDGES).pos


def flipped(token: str, bit: int) -> str:
    raw = bytearray(base64.urlsafe_b64decode(token + "="))
    raw[bit // 8] ^= 1 << bit % 8
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_cursor_is_read_as_it_was_made() -> None:
    assert CURSORS.decode(GOOD, INSTANCE, EVERYTHING) == Position(3, 700)
    assert begin(GOOD) == 700


def test_no_cursor_starts_now_or_at_the_oldest_event_that_is_kept() -> None:
    assert begin("") == 1_000
    oldest = WatchRequest(INSTANCE, start=Start.OLDEST)
    assert Stream(oldest, CURSORS, EPOCHS, EDGES).pos == 100


def test_a_cursor_with_one_bit_flipped_is_refused() -> None:
    for bit in range(8 * 53):
        with pytest.raises(InvalidRequest) as refused:
            begin(flipped(GOOD, bit))
        assert refused.value.reason is Reason.CURSOR_INVALID


@pytest.mark.parametrize(
    "text",
    [
        GOOD[:-1],
        GOOD + "A",
        GOOD + "=",
        GOOD[:-1] + chr(ord(GOOD[-1]) + 1),
        GOOD.replace(GOOD[5], "!"),
        GOOD.replace(GOOD[5], "é"),
        " " + GOOD,
        "A",
        "0",
        "null",
        "A" * 71,
        "A" * 1_000_000,
        "\x00" * 71,
        "٣" * 71,
    ],
    ids=lambda text: text[:12].encode("unicode_escape").decode() + f" ({len(text)})",
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        begin(text)
    assert refused.value.reason is Reason.CURSOR_INVALID
    assert refused.value.violations[0].field == "cursor"


def test_a_cursor_of_another_instance_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        begin(GOOD, instance_id=uuid4())


def test_a_cursor_of_another_key_is_refused() -> None:
    forged = Cursors(b"x" * 32).encode(Position(3, 700), INSTANCE, EVERYTHING)
    with pytest.raises(InvalidRequest):
        begin(forged)


def test_a_cursor_belongs_to_its_filter() -> None:
    filtered = CURSORS.encode(Position(3, 700), INSTANCE, filter_hash(MASS_MESSAGE))
    assert begin(filtered, mass_message_id=MASS_MESSAGE) == 700
    for cursor, mass_message_id in ((filtered, None), (filtered, uuid4()), (GOOD, MASS_MESSAGE)):
        with pytest.raises(InvalidRequest):
            begin(cursor, mass_message_id=mass_message_id)


def test_a_lists_cursor_goes_with_any_filter() -> None:
    listed = CURSORS.encode(Position(3, 700), INSTANCE, ANY_FILTER)
    assert begin(listed) == begin(listed, mass_message_id=MASS_MESSAGE) == 700


@pytest.mark.parametrize(
    ("epoch", "pos", "begins"),
    [
        (3, 100, 100),
        (3, 1_000, 1_000),
        (2, 550, 550),
        (2, 599, 599),
        (2, 600, 599),
        (2, 5_000_000, 599),
        (1, 499, 499),
        (1, 500, 499),
        (1, 900, 499),
        (0, 900, 0),
    ],
)
def test_an_older_epochs_cursor_goes_back_to_where_its_history_ended(
    epoch: int, pos: int, begins: int
) -> None:
    cursor = CURSORS.encode(Position(epoch, pos), INSTANCE, EVERYTHING)
    if begins == 0:
        with pytest.raises(OutOfRange):
            begin(cursor)
    else:
        assert begin(cursor) == begins


@pytest.mark.parametrize(
    ("position", "kind", "reason"),
    [
        (Position(3, 99), OutOfRange, Reason.CURSOR_EXPIRED),
        (Position(3, -1), OutOfRange, Reason.CURSOR_EXPIRED),
        (Position(3, 1_001), WrongState, Reason.CURSOR_AHEAD),
        (Position(3, 2**63 - 1), WrongState, Reason.CURSOR_AHEAD),
        (Position(4, 700), WrongState, Reason.CURSOR_AHEAD),
    ],
)
def test_positions_outside_of_what_there_is_are_named(
    position: Position, kind: type[OutboundSmsError], reason: Reason
) -> None:
    with pytest.raises(kind) as refused:
        begin(CURSORS.encode(position, INSTANCE, EVERYTHING))
    assert refused.value.reason is reason


def test_an_expired_cursor_comes_with_the_oldest_that_works() -> None:
    with pytest.raises(OutOfRange) as refused:
        begin(CURSORS.encode(Position(3, 1), INSTANCE, EVERYTHING))
    assert begin(refused.value.metadata["oldest_cursor"]) == 100
