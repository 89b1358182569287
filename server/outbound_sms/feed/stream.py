"""Where one stream is and what it may say next, without any input or output."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from outbound_sms.domain.errors import OutOfRange, Reason, WrongState
from outbound_sms.feed.cursor import Cursors, Position, filter_hash
from outbound_sms.feed.epoch import Epochs
from outbound_sms.store.feed import MOST_EVENTS, Edges, Events, FeedRow


class Start(Enum):
    """Where a watch without a cursor starts."""

    NOW = "now"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What to watch, and from where. `cursor` wins over `start`. `bookmark_every` is in seconds."""

    instance_id: UUID
    cursor: str = ""
    start: Start = Start.NOW
    mass_message_id: UUID | None = None
    bookmark_every: float = 15.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Up to 100 events, or None in a bookmark; `cursor` covers everything up to `pos`.

    `row` is set where the batch is one row of the process's memory, the same for every stream
    without a filter, so that what the edge makes of it can be shared.
    """

    events: Events | None
    pos: int
    cursor: str
    row: FeedRow | None = None


class Stream:
    """The position of one stream and its cursors. Times are seconds of any one clock."""

    def __init__(
        self, request: WatchRequest, cursors: Cursors, epochs: Epochs, edges: Edges
    ) -> None:
        """Starts where the request says.

        Raises InvalidRequest (CURSOR_INVALID), OutOfRange (CURSOR_EXPIRED) or WrongState
        (CURSOR_AHEAD).
        """
        self.request = request
        self.epochs = epochs
        self._cursors = cursors
        self._filter = filter_hash(request.mass_message_id)
        self._wanted = str(request.mass_message_id) if request.mass_message_id else None
        self._answer_time = 0.0
        self._announced = False
        self.caught_up = False
        self.pos = self._begin(edges)

    def _begin(self, edges: Edges) -> int:
        request = self.request
        if not request.cursor:
            return edges.head if request.start is Start.NOW else edges.horizon
        position = self._cursors.decode(request.cursor, request.instance_id, self._filter)
        pos = self.epochs.rewound(position.pos, position.epoch)
        if position.epoch > self.epochs.current or pos > edges.head:
            raise WrongState(
                Reason.CURSOR_AHEAD,
                "The cursor is newer than anything in this database, which was perhaps restored "
                "from a backup; list messages, then watch from the cursor that the list returns.",
            )
        self._check_kept(pos, edges)
        return pos

    def _check_kept(self, pos: int, edges: Edges) -> None:
        if pos < edges.horizon:
            raise OutOfRange(
                Reason.CURSOR_EXPIRED,
                "The cursor is older than the history that is kept; list messages, then watch from "
                "the cursor that the list returns.",
                oldest_cursor=self._cursor(edges.horizon),
            )

    def follow(self, epochs: Epochs) -> None:
        """Goes back to what a new epoch gave out again."""
        if epochs.current > self.epochs.current:
            self.pos = epochs.rewound(self.pos, self.epochs.current)
            self.epochs = epochs
            self.caught_up = self._announced = False

    def check_kept(self, edges: Edges) -> None:
        """Raises OutOfRange with CURSOR_EXPIRED when retention has overtaken the stream."""
        self._check_kept(self.pos, edges)

    def shared(self, rows: Sequence[FeedRow]) -> list[Batch]:
        """A batch for each row from memory that has events for this stream."""
        batches = []
        for row in rows:
            events = self._chosen(row)
            if events is not None:
                whole = row if self._wanted is None else None
                batches.append(Batch(events, row.pos, self._cursor(row.pos), whole))
        return batches

    def merged(self, rows: Sequence[FeedRow]) -> list[Batch]:
        """The rows in as few batches as hold them: rows are small where the load was."""
        batches: list[Batch] = []
        gathered: Events | None = None
        pos = self.pos
        for row in rows:
            events = self._chosen(row)
            if events is None:
                continue
            if gathered is not None and len(gathered) + len(events) > MOST_EVENTS:
                batches.append(Batch(gathered, pos, self._cursor(pos)))
                gathered = None
            gathered = events if gathered is None else gathered.followed_by(events)
            pos = row.pos
        if gathered is not None:
            batches.append(Batch(gathered, pos, self._cursor(pos)))
        return batches

    def sent(self, batch: Batch, now: float) -> None:
        """The client has been handed the batch."""
        self.pos = batch.pos
        self._answer_time = now

    def reach(self, pos: int, *, caught_up: bool) -> None:
        """Everything up to `pos` has been sent, or is not for this stream."""
        self.pos = max(self.pos, pos)
        self.caught_up = caught_up
        if not caught_up:
            self._announced = False

    def bookmark(self, now: float) -> Batch:
        """Says how far the stream is."""
        self._announced = self.caught_up
        self._answer_time = now
        return Batch(None, self.pos, self._cursor(self.pos))

    @property
    def bookmark_time(self) -> float:
        """When the next bookmark is due: at once when the stream has just caught up."""
        if self.caught_up and not self._announced:
            return self._answer_time
        return self._answer_time + self.request.bookmark_every

    def _chosen(self, row: FeedRow) -> Events | None:
        if row.events is None or self._wanted is None:
            return row.events
        return row.events.of_mass_message(self._wanted) or None

    def _cursor(self, pos: int) -> str:
        position = Position(self.epochs.current, pos)
        return self._cursors.encode(position, self.request.instance_id, self._filter)
