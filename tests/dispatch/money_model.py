"""Who has what, said again in plain Python: the oracle of the walk over the dispatcher's SQL.

Nothing here knows how a statement works; it says what money and texts must be afterwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

HOLD, CAPTURE, RELEASE, REFUND = 2, 3, 4, 5
PENDING, IN_PROGRESS, SENT, DELIVERED, FAILED, UNPAID = range(1, 7)


@dataclass(slots=True)
class Queued:
    """A text's row of the queue. `due` orders the claims."""

    due: int
    owner: UUID | None = None
    fence: int = 0
    submitting: bool = False
    in_doubt: bool = False
    held: bool = False
    attempts: int = 0

    @property
    def ready(self) -> bool:
        """Whether nobody works on it."""
        return self.owner is None and not self.in_doubt


@dataclass(slots=True)
class Text:
    """A text; `entries` are the kinds of its ledger entries in their order."""

    id: UUID
    instance: "Instance"
    mass: UUID
    phone: str
    cost: int
    queue: Queued | None
    status: int = PENDING
    attempts: int = 0
    entries: list[int] = field(default_factory=list)
    unfunded: bool = False
    refund_due: bool = False


@dataclass(slots=True)
class Instance:
    """The money of an instance, all of it in micros, and its automatic top-ups."""

    id: UUID
    sending_number_id: UUID
    mass: UUID
    auto_buy: bool
    available: int = 0
    held: int = 0
    spent: int = 0
    came_in: int = 0
    waits: bool = False
    declined: set[UUID] = field(default_factory=set)

    def receive(self, micros: int) -> None:
        """Money from outside; taken when negative."""
        self.available += micros
        self.came_in += micros


class MoneyModel:
    """What the walk has done so far, and what must follow from it."""

    def __init__(self) -> None:
        self.instances: list[Instance] = []
        self.texts: dict[UUID, Text] = {}
        self.cancelled: set[UUID] = set()
        self.stopped: set[str] = set()
        self.receipts: dict[tuple[UUID, int, int], int] = {}
        self._order = count()

    def queued(self) -> Queued:
        """A new row of the queue, due after all that there are."""
        return Queued(due=next(self._order))

    def ready(self, instance: Instance) -> list[Text]:
        """What a claim may take, in the order in which it does."""
        waiting = [
            text
            for text in self.texts.values()
            if text.instance is instance
            and text.queue
            and text.queue.ready
            and text.mass not in self.cancelled
        ]
        return sorted(waiting, key=_place)

    def doubtful(self) -> list[Text]:
        """What is in doubt and nobody looks at, the longest first."""
        found = [
            text
            for text in self.texts.values()
            if text.queue and text.queue.in_doubt and text.queue.owner is None
        ]
        return sorted(found, key=_place)

    def claim(self, instance: Instance, most: int, owner: UUID) -> list[Text]:
        """Those that are leased, in their order. What cannot be paid waits or is set aside."""
        leased, total, unpaid = [], 0, []
        money = instance.available
        for text in self.ready(instance)[:most]:
            assert text.queue is not None
            if text.status > IN_PROGRESS or text.phone in self.stopped:
                self.end(text, FAILED, RELEASE)
                continue
            price = 0 if text.queue.held else text.cost
            total += price
            if price and total > money:
                unpaid.append(text)
                continue
            text.queue.owner, text.queue.fence = owner, text.queue.fence + 1
            if not text.queue.held:
                self.enter(text, HOLD)
            leased.append(text)
        if unpaid and instance.auto_buy and not instance.declined:
            instance.waits = True
        elif unpaid and not instance.waits:
            for text in unpaid:
                text.queue, text.status, text.unfunded = None, UNPAID, True
        return leased

    def end(self, text: Text, status: int, resolve: int) -> None:
        """The queue lets go of the text. A status that a receipt has set stays; what a carrier is
        known to have had is charged, whatever is said of a later attempt."""
        self.let_go(text, CAPTURE if text.status > IN_PROGRESS else resolve)
        if text.status <= IN_PROGRESS:
            text.status = status

    def let_go(self, text: Text, resolve: int) -> None:
        """The queue row goes, and what is held for it with it."""
        assert text.queue is not None
        if text.queue.held:
            self.enter(text, resolve)
        text.queue = None

    def enter(self, text: Text, kind: int) -> None:
        """An entry for the price of the text."""
        text.entries.append(kind)
        instance, cost = text.instance, text.cost
        instance.available += {HOLD: -cost, RELEASE: cost, REFUND: cost}.get(kind, 0)
        instance.held += {HOLD: cost, CAPTURE: -cost, RELEASE: -cost}.get(kind, 0)
        instance.spent += {CAPTURE: cost, REFUND: -cost}.get(kind, 0)
        if text.queue:
            text.queue.held = kind == HOLD

    def doubt(self, text: Text) -> None:
        """Its carrier may have accepted it; nobody works on it."""
        assert text.queue is not None
        text.queue.owner, text.queue.in_doubt = None, True
        text.queue.due = next(self._order)

    def apply_receipts(self) -> int:
        """What the receipts that wait say; how many there were."""
        taken = len(self.receipts)
        for text_id in {key[0] for key in self.receipts}:
            mine = [(key[2] == 2, place, key) for key, place in self.receipts.items()]
            _, _, (_, attempt, state) = min(each for each in mine if each[2][0] == text_id)
            self._apply(self.texts[text_id], attempt, state)
        self.receipts.clear()
        return taken

    def _apply(self, text: Text, attempt: int, state: int) -> None:
        status = {2: SENT, 3: DELIVERED}.get(state, FAILED)
        changes = text.status in (IN_PROGRESS, SENT) and status > text.status
        if changes:
            text.status = status
            text.refund_due = state == 5
        row = text.queue
        if row and row.in_doubt and row.owner is None and row.attempts == attempt:
            self.let_go(text, RELEASE if state == 5 and changes else CAPTURE)

    def refund(self) -> int:
        """Gives back what was charged and no carrier charged for; how many it looked at."""
        due = [text for text in self.texts.values() if text.refund_due and text.queue is None]
        for text in due:
            text.refund_due = False
            if CAPTURE in text.entries:
                self.enter(text, REFUND)
        return len(due)

    def fail_ready(self, mass: UUID) -> int:
        """Fails what nobody works on; how many."""
        found = [
            text
            for text in self.texts.values()
            if text.mass == mass and text.queue and text.queue.ready
        ]
        for text in found:
            self.end(text, FAILED, RELEASE)
        return len(found)

    def requeue(self, instance: Instance, most: int) -> int:
        """Puts the oldest that could not be paid back; how many."""
        found = (t for t in self.texts.values() if t.instance is instance and t.unfunded)
        chosen = sorted(found, key=lambda text: text.id)[:most]
        due = next(self._order)
        for text in chosen:
            text.unfunded = False
            if text.mass not in self.cancelled:
                text.status, text.queue = PENDING, Queued(due=due)
        return sum(text.queue is not None for text in chosen)

    def add(self, texts: Iterable[Text]) -> None:
        """Texts that were accepted."""
        self.texts |= {text.id: text for text in texts}


def _place(text: Text) -> tuple[int, UUID]:
    assert text.queue is not None
    return text.queue.due, text.id
