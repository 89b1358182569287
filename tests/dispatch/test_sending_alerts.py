"""The operator is told of limits that were reached, once, by one of the processes."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from outbound_sms.dispatch.sending_alerts import tell_sending_alerts_once
from outbound_sms.store.pool import Pool
from tests.dispatch.claims import claim
from tests.dispatch.limits import alerts, set_limits
from tests.dispatch.queue_factory import add_triggered, fill_queue

WANTED = {
    "surge": ("error", 100),
    "messages_per_day": ("warning", 100),
    "messages_per_prefix": ("warning", 3),
}


def metric(name: str, **labels: str) -> float:
    """What it says now."""
    return REGISTRY.get_sample_value(f"outbound_sms_{name}", labels) or 0.0


@pytest.mark.parametrize("limit", list(WANTED))
async def test_each_limit_that_is_reached_is_logged_and_counted_once(
    pool: Pool, limit: str
) -> None:
    queued = await fill_queue(pool, 103 if limit != "surge" else 0, surge_multiple=5)
    if limit == "surge":
        await add_triggered(pool, queued, 101)
    if limit == "messages_per_day":
        await set_limits(pool, queued.instance_id, per_day=100)
    if limit == "messages_per_prefix":
        await set_limits(pool, queued.instance_id, per_prefix=100, per_number=0)
    assert len(await claim(pool, queued.sending_number_id)) == 100
    before = metric("sending_limits_reached_total", limit=limit)
    put_off = metric("messages_put_off_total")
    with capture_logs() as logged:
        found = await asyncio.gather(*(tell_sending_alerts_once(pool) for _ in range(4)))
        assert await tell_sending_alerts_once(pool) == 0
    level, messages = WANTED[limit]
    assert sum(found) == 1
    (line,) = logged
    assert line["log_level"] == level
    assert line["instance_id"] == str(queued.instance_id)
    assert line.get("messages", line.get("triggered_this_hour")) == messages
    assert metric("sending_limits_reached_total", limit=limit) == before + 1
    assert metric("messages_put_off_total") == put_off + (3 if "prefix" in limit else 0)
    assert metric("triggered_messages_paused") == (1 if limit == "surge" else 0)
    assert await alerts(pool) == []
