"""A random walk over everything that moves money, on a real database, beside the model of it."""

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any
from uuid import UUID

from outbound_sms.store import dispatch as store
from outbound_sms.store import doubts, leases, mass_control, receipts, top_ups, unfunded
from outbound_sms.store.balances import adjust_balance
from outbound_sms.store.dispatch import AttemptOutcome, Claimed, GivenBack, OpenGroup, Settled
from outbound_sms.store.ledger_check import check_ledger
from outbound_sms.store.pool import Connection
from outbound_sms.store.receipts import StoredReceipt
from outbound_sms.store.suppressions import CARRIER, suppress
from tests.dispatch.money_model import (
    CAPTURE,
    FAILED,
    IN_PROGRESS,
    RELEASE,
    SENT,
    Instance,
    MoneyModel,
    Text,
)

WORKERS = [UUID(int=n) for n in (1, 2, 3)]
PRICES = (0, 7, 15_000, 15_000, 40_000)
_GROUP = OpenGroup(UUID(int=0), 5, "", None)

_ACCEPT = """
WITH mm AS (
  INSERT INTO mass_message (instance_id, saved_message, signature_id, sending_number_id,
    outage_start_time, audience, valid_until, state, expanded, price_list_version)
  SELECT instance_id, saved_message, signature_id, sending_number_id, now(), '{}', valid_until, 2,
         true, 1 FROM mass_message WHERE id = $1 RETURNING id),
m AS (
  INSERT INTO message (instance_id, mass_message_id, account_id, contact_id, sending_number_id,
    body_id, phone, billable_segments, carrier_segments, kind, cost_micros, price_list_version)
  SELECT b.instance_id, mm.id, a.id, c.id, n.id, b.id, phone, 1, 1, 1, cost, 1
    FROM mm, body b, account a, contact c, sending_number n, unnest($2::text[], $3::bigint[])
      AS wanted (phone, cost)
   WHERE b.mass_message_id = $1 AND a.instance_id = b.instance_id
     AND c.instance_id = b.instance_id AND n.instance_id = b.instance_id
  RETURNING id, instance_id, mass_message_id, sending_number_id, phone, cost_micros),
e AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status,
    previous_status)
  SELECT instance_id, id, mass_message_id, 1, 1, 0 FROM m),
d AS (
  INSERT INTO dispatch (message_id, instance_id, sending_number_id, mass_message_id, priority,
    segments, valid_until, cost_micros)
  SELECT id, instance_id, sending_number_id, mass_message_id, 5, 1, now() + interval '4 hours',
         cost_micros FROM m)
SELECT id, mass_message_id, phone, cost_micros FROM m
"""

_STATE = """
SELECT m.id, m.status, d.message_id IS NOT NULL AS queued, d.owner, coalesce(d.held, false) AS held,
       d.in_doubt_since IS NOT NULL AS in_doubt,
       EXISTS (SELECT FROM unfunded u WHERE u.message_id = m.id) AS unfunded,
       ARRAY(SELECT kind::int FROM ledger_entry e WHERE e.message_id = m.id ORDER BY e.id)
         AS entries
  FROM message m LEFT JOIN dispatch d ON d.message_id = m.id
"""


class MoneyWalk:
    """Takes random steps, each on the database and on the model, which must agree.

    `log` has what was done, for the message of a failure.
    """

    def __init__(self, connection: Connection, seed: int, instances: Sequence[Instance]) -> None:
        self._db = connection
        self._random = Random(seed)
        self._phones = 0
        self._leases: dict[UUID, dict[UUID, Claimed]] = {worker: {} for worker in WORKERS}
        self._lost: list[tuple[UUID, UUID, int]] = []
        self.model = MoneyModel()
        self.model.instances = list(instances)
        self.log: list[str] = []
        self._steps: list[tuple[int, Callable[[], Awaitable[str | None]]]] = [
            (8, self._accept),
            (14, self._claim),
            (12, self._intend),
            (12, self._settle),
            (5, self._give_back),
            (4, self._doubt),
            (4, self._look),
            (4, self._write_late),
            (3, self._rescue),
            (2, self._release),
            (8, self._store_receipt),
            (6, self._apply_receipts),
            (3, self._refund),
            (1, self._stop_number),
            (2, self._cancel),
            (2, self._sweep),
            (3, self._requeue),
            (3, self._adjust),
            (4, self._pay_top_up),
            (1, self._change_auto_buy),
        ]

    async def step(self) -> None:
        """One step that finds something to do."""
        weights = [weight for weight, _ in self._steps]
        said = None
        while said is None:
            (_, step), *_ = self._random.choices(self._steps, weights)
            said = await step()
        self.log.append(said)

    async def check_money(self) -> None:
        """Every balance is as the model has it, and all money is somewhere."""
        for row in await self._db.fetch("SELECT * FROM balance"):
            (instance,) = (each for each in self.model.instances if each.id == row["instance_id"])
            found = (row["available_micros"], row["held_micros"], row["spent_micros"])
            expected = (instance.available, instance.held, instance.spent)
            if found != expected:
                # Says which text it is, where it is one.
                await self.check_all()
            assert found == expected, (found, expected, self.tail())
            assert sum(found) == instance.came_in, self.tail()

    async def check_all(self) -> None:
        """I1 to I6, and every text and its entries are as the model has them."""
        violations = await check_ledger(self._db)
        assert violations == [], (violations, self.tail(violations[0].subject_id))
        rows = await self._db.fetch(_STATE)
        assert len(rows) == len(self.model.texts)
        for row in rows:
            text = self.model.texts[row["id"]]
            row_of = text.queue
            expected = {
                "id": text.id,
                "status": text.status,
                "queued": row_of is not None,
                "owner": row_of.owner if row_of else None,
                "held": row_of is not None and row_of.held,
                "in_doubt": row_of is not None and row_of.in_doubt,
                "unfunded": text.unfunded,
                "entries": text.entries,
            }
            assert dict(row) == expected, self.tail(text.id)

    def tail(self, about: UUID | None = None) -> str:
        """The last steps, or those that name a text."""
        lines = [line for line in self.log if about is None or str(about) in line]
        return "\n".join(lines[-30:])

    def _some(self, items: Sequence[Any], most: int = 3) -> list[Any]:
        return self._random.sample(items, min(len(items), self._random.randint(1, most)))

    def _leased(self, submitting: bool | None) -> tuple[UUID, list[Text]]:
        worker = self._random.choice(WORKERS)
        mine = [
            text
            for text in map(self.model.texts.__getitem__, self._leases[worker])
            if text.queue and (submitting is None or text.queue.submitting is submitting)
        ]
        return worker, self._some(mine) if mine else []

    def _let_go(self, worker: UUID, texts: Sequence[Text]) -> None:
        for text in texts:
            lease = self._leases[worker].pop(text.id)
            self._lost.append((worker, text.id, lease.fence))

    async def _accept(self) -> str | None:
        instance = self._random.choice(self.model.instances)
        if len(self.model.ready(instance)) > 12:
            return None
        wanted = [self._random.choice(PRICES) for _ in range(self._random.randint(1, 4))]
        phones = [f"+1{2_125_550_100 + self._phones + n}" for n in range(len(wanted))]
        self._phones += len(wanted)
        rows = await self._db.fetch(_ACCEPT, instance.mass, phones, wanted)
        row_of = self.model.queued()
        self.model.add(
            Text(
                row["id"],
                instance,
                row["mass_message_id"],
                row["phone"],
                row["cost_micros"],
                type(row_of)(row_of.due),
            )
            for row in rows
        )
        return f"accept {[str(row['id']) for row in rows]}"

    async def _claim(self) -> str | None:
        instance, worker = self._random.choice(self.model.instances), self._random.choice(WORKERS)
        most = self._random.randint(1, 5)
        looked_at = self.model.ready(instance)[:most]
        if not looked_at:
            return None
        claimed = await store.claim(
            self._db,
            [OpenGroup(instance.sending_number_id, 5, "", None)],
            most_each=most,
            owner=worker,
            lease_seconds=3600,
        )
        expected = self.model.claim(instance, most, worker)
        said = f"claim {[str(t.id) for t in looked_at]} -> {[str(t.id) for t in expected]}"
        assert [c.message_id for c in claimed] == [t.id for t in expected], self.tail() + said
        self._leases[worker] |= {each.message_id: each for each in claimed}
        return said

    async def _intend(self) -> str | None:
        worker, texts = self._leased(submitting=False)
        if not texts:
            return None
        claimed = [self._leases[worker][text.id] for text in texts]
        begun = await store.intend(self._db, claimed, carrier="null", owner=worker, lease_left=1)
        for text in texts:
            if text.status > IN_PROGRESS or text.phone in self.model.stopped:
                assert text.id not in begun
                continue
            assert text.queue is not None
            text.queue.submitting, text.status = True, IN_PROGRESS
            text.queue.attempts = text.attempts = text.queue.attempts + 1
            assert begun[text.id] == text.attempts
        return f"intend {[str(t.id) for t in texts]} -> {[str(each) for each in begun]}"

    async def _settle(self) -> str | None:
        worker, texts = self._leased(submitting=True)
        if not texts:
            return None
        outcomes = []
        for text in texts:
            accepted = self._random.random() < 0.7
            outcomes.append(self._settled(text.id, self._leases[worker][text.id].fence, accepted))
        assert await store.settle(self._db, outcomes, owner=worker) == {t.id for t in texts}
        for text, outcome in zip(texts, outcomes, strict=True):
            resolve = CAPTURE if outcome.status == SENT else RELEASE
            self.model.end(text, outcome.status, resolve)
        self._let_go(worker, texts)
        return f"settle {[(str(o.message_id), o.status) for o in outcomes]}"

    async def _give_back(self) -> str | None:
        worker, texts = self._leased(submitting=None)
        if not texts:
            return None
        back = [self._given_back(t.id, self._leases[worker][t.id].fence) for t in texts]
        assert await store.give_back(self._db, back, owner=worker) == {t.id for t in texts}
        for text in texts:
            assert text.queue is not None
            text.queue.owner, text.queue.submitting, text.queue.in_doubt = None, False, False
        self._let_go(worker, texts)
        return f"give back {[str(t.id) for t in texts]}"

    async def _doubt(self) -> str | None:
        worker, texts = self._leased(submitting=True)
        if not texts:
            return None
        text = texts[0]
        lease = (text.id, self._leases[worker][text.id].fence)
        assert await doubts.doubt(self._db, [lease], owner=worker, look_after=0) == {text.id}
        self.model.doubt(text)
        self._let_go(worker, [text])
        return f"doubt {text.id}"

    async def _look(self) -> str | None:
        """A worker takes what is in doubt, to settle it or give it back."""
        expected = self.model.doubtful()[: self._random.randint(1, 3)]
        if not expected:
            return None
        worker = self._random.choice(WORKERS)
        found = await doubts.claim_in_doubt(
            self._db, most=len(expected), owner=worker, lease_seconds=3600
        )
        assert {each.message_id for each in found} == {text.id for text in expected}
        for each in found:
            row_of = self.model.texts[each.message_id].queue
            assert row_of is not None
            row_of.owner, row_of.fence = worker, row_of.fence + 1
            self._leases[worker][each.message_id] = Claimed(
                _GROUP, each.message_id, each.fence, 0, "null", "", "", worker, 1, each.valid_until
            )
        return f"look {[str(text.id) for text in expected]}"

    async def _write_late(self) -> str | None:
        """A worker that has lost its lease brings what it knows; nothing may come of it."""
        if not self._lost:
            return None
        worker, text_id, fence = self._random.choice(self._lost)
        done: set[UUID]
        match self._random.randrange(3):
            case 0:
                settled = self._settled(text_id, fence, self._random.random() < 0.5)
                done = await store.settle(self._db, [settled], owner=worker)
            case 1:
                back = self._given_back(text_id, fence)
                done = await store.give_back(self._db, [back], owner=worker)
            case _:
                done = await doubts.doubt(self._db, [(text_id, fence)], owner=worker, look_after=0)
        assert done == set(), self.tail(text_id)
        return f"late {text_id}"

    async def _rescue(self) -> str | None:
        worker, texts = self._leased(submitting=None)
        if not texts:
            return None
        text = texts[0]
        await self._db.execute(
            "UPDATE dispatch SET lease_until = now() - interval '1 s' WHERE message_id = $1",
            text.id,
        )
        assert text.queue is not None
        expected = (0, 1) if text.queue.submitting else (1, 0)
        assert await leases.rescue(self._db, most=10, look_after=0) == expected
        text.queue.fence += 1
        text.queue.owner = None
        if text.queue.submitting:
            self.model.doubt(text)
        self._let_go(worker, [text])
        return f"rescue {text.id}"

    async def _release(self) -> str | None:
        worker = self._random.choice(WORKERS)
        held = [self.model.texts[each] for each in self._leases[worker]]
        unsent = [text for text in held if text.queue and not text.queue.submitting]
        if not unsent:
            return None
        assert await leases.release(self._db, owner=worker) == len(unsent)
        for text in unsent:
            assert text.queue is not None
            text.queue.owner = None
        self._let_go(worker, unsent)
        return f"release {[str(text.id) for text in unsent]}"

    async def _store_receipt(self) -> str | None:
        tried = [text for text in self.model.texts.values() if text.attempts]
        if not tried:
            return None
        # Of the last few more often than not: those are still somewhere.
        text = self._random.choice(tried[-20:] if self._random.random() < 0.8 else tried)
        attempt, state = self._random.randint(1, text.attempts), self._random.randint(2, 5)
        stored = StoredReceipt(text.id, attempt, state, "null", None, None, None)
        await receipts.store_receipts(self._db, [stored])
        self.model.receipts.setdefault((text.id, attempt, state), len(self.log))
        return f"receipt {text.id} attempt {attempt} state {state}"

    async def _apply_receipts(self) -> str | None:
        if not self.model.receipts:
            return None
        about = sorted({str(key[0]) for key in self.model.receipts})
        assert await receipts.apply_receipts(self._db, 1000) == self.model.apply_receipts()
        return f"apply receipts of {about}"

    async def _refund(self) -> str | None:
        due = [str(text.id) for text in self.model.texts.values() if text.refund_due]
        if not due:
            return None
        assert await receipts.refund(self._db, 1000) == self.model.refund(), self.tail()
        return f"refund {due}"

    async def _stop_number(self) -> str | None:
        waiting = [text for text in self.model.texts.values() if text.queue]
        if not waiting:
            return None
        text = self._random.choice(waiting)
        await suppress(self._db, text.phone, source=CARRIER)
        self.model.stopped.add(text.phone)
        return f"stop {text.id}"

    async def _cancel(self) -> str | None:
        waiting = [t for t in self.model.texts.values() if t.queue or t.unfunded]
        going = sorted({t.mass for t in waiting} - self.model.cancelled)
        if not going:
            return None
        mass = self._random.choice(going)
        await self._db.execute("UPDATE mass_message SET state = 4 WHERE id = $1", mass)
        self.model.cancelled.add(mass)
        return await self._fail_ready(mass)

    async def _sweep(self) -> str | None:
        """What came back to the queue after a cancel."""
        waiting = [t for t in self.model.texts.values() if t.queue and t.queue.ready]
        going = sorted({t.mass for t in waiting} & self.model.cancelled)
        return await self._fail_ready(self._random.choice(going)) if going else None

    async def _fail_ready(self, mass: UUID) -> str:
        failed = await mass_control.fail_ready(self._db, mass, "POLICY.CANCELLED", 1000)
        about = [str(t.id) for t in self.model.texts.values() if t.mass == mass]
        assert failed == self.model.fail_ready(mass), self.tail()
        return f"fail ready of {about}"

    async def _requeue(self) -> str | None:
        instance, most = self._random.choice(self.model.instances), self._random.randint(1, 4)
        unpaid = [t for t in self.model.texts.values() if t.instance is instance and t.unfunded]
        if not unpaid:
            return None
        async with self._db.transaction():
            done = await unfunded.requeue(self._db, instance.id, unfunded.UnfundedFilter(), most)
        assert done.requeued == self.model.requeue(instance, most), self.tail()
        return f"requeue {done.requeued} of {[str(text.id) for text in unpaid]}"

    async def _adjust(self) -> str | None:
        instance = self._random.choice(self.model.instances)
        amount = self._random.choice((1, 15_000, 90_000, -1, -instance.available))
        if amount == 0 or instance.available + amount < 0:
            return None
        async with self._db.transaction():
            await adjust_balance(self._db, instance.id, amount, "walk")
        instance.receive(amount)
        return f"adjust {amount}"

    async def _pay_top_up(self) -> str | None:
        """The gateway answers, sometimes twice, and sometimes yes after it had said no."""
        due = await top_ups.take_due(self._db, 1, 0)
        instance = next(each for each in self.model.instances if each.auto_buy)
        assert bool(due) == instance.waits, self.tail()
        if due and self._random.random() < 0.3:
            top_up_id = due[0].top_up.id
            assert await top_ups.fail(self._db, top_up_id, "card_declined", None)
            instance.waits = False
            instance.declined.add(top_up_id)
            return "decline"
        if due:
            top_up_id = due[0].top_up.id
        elif instance.declined:
            top_up_id = self._random.choice(sorted(instance.declined))
        else:
            return None
        assert await top_ups.succeed(self._db, top_up_id, "pi_1") is not None
        assert await top_ups.succeed(self._db, top_up_id, "pi_1") is None
        instance.waits = instance.waits and not due
        instance.declined.discard(top_up_id)
        instance.receive(100_000)
        return "pay"

    async def _change_auto_buy(self) -> str | None:
        """New settings let it try again after a decline."""
        instance = next(each for each in self.model.instances if each.auto_buy)
        if not instance.declined:
            return None
        await self._db.execute("UPDATE auto_buy SET update_time = clock_timestamp()")
        instance.declined.clear()
        return "change auto-buy"

    @staticmethod
    def _settled(text_id: UUID, fence: int, accepted: bool) -> Settled:
        if accepted:
            return Settled(text_id, fence, SENT, None, "null", AttemptOutcome.ACCEPTED, "SM1")
        return Settled(text_id, fence, FAILED, "NUMBER.INVALID", "null", AttemptOutcome.REFUSED)

    @staticmethod
    def _given_back(text_id: UUID, fence: int) -> GivenBack:
        return GivenBack(text_id, fence, 0.0, 1, "null", AttemptOutcome.NOT_SENT)
