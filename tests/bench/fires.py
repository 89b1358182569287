"""What both benchmarks of firing need: an ISP that texts about payments, and events of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from outbound_sms.domain.instance import InstanceValues
from outbound_sms.store.instances import create_instance_with_key
from outbound_sms.store.pool import Pool
from outboundsms.v1 import triggers_pb2 as pb
from tests.factories import Isp, add_subscribers, make_isp, make_triggered_message

SUBSCRIBERS = 50_000


@dataclass(frozen=True, slots=True)
class Payers:
    """An ISP whose subscribers `S00000...` have one opted-in number each, and its API key."""

    isp: Isp
    key: str

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.key}"),)


async def make_payers(pool: Pool) -> Payers:
    """The ISP, in tables that have been analysed."""
    async with pool.acquire() as connection:
        instance, key = await create_instance_with_key(
            connection,
            InstanceValues(
                name="Bench", country="US", currency="USD", time_zone="America/New_York"
            ),
        )
    isp = await make_isp(pool, instance_id=instance.id)
    await pool.execute("UPDATE signature SET triggered_default = true")
    await make_triggered_message(pool, isp, "PAYMENT_SUCCESS")
    await add_subscribers(pool, isp, SUBSCRIBERS)
    await pool.execute(
        "UPDATE contact SET message_category_ids = (SELECT array_agg(id) FROM message_category)"
    )
    await pool.execute("VACUUM ANALYZE")
    return Payers(isp, key)


async def forget_texts(pool: Pool) -> None:
    """Removes what was made, so that each round starts alike."""
    await pool.execute("TRUNCATE trigger_fire, body, message, dispatch, status_event, feed CASCADE")
    await pool.execute("CHECKPOINT")


def make_event(number: int, run: str) -> pb.TriggerEvent:
    """A payment of a subscriber; `run` makes its key one that was never used."""
    return pb.TriggerEvent(
        trigger_type="PAYMENT_SUCCESS",
        account_number=f"S{number % SUBSCRIBERS:05}",
        event_key=f"payment {run} {number}",
        variables={"AMOUNT_PAID": "45.10"},
    )


def percentile(seconds: Sequence[float], share: float) -> float:
    """A percentile in milliseconds."""
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 2)
