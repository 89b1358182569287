"""Expansion of a mass message against one INSERT ... SELECT of the same rows, in the same run."""

import asyncio
import json
import os
import statistics
import time
from typing import Any

from outbound_sms.dispatch.expand import expand_once
from outbound_sms.store.pool import Pool, open_pool
from tests.bench.database import bench_server
from tests.factories import NUMBERS, Isp, add_mass_message, add_subscribers, make_isp

ROUNDS = 3

# What anybody would write for a send without resumption, in one statement: one plan, one commit.
ALL_AT_ONCE = """
WITH made AS (
  INSERT INTO message (instance_id, mass_message_id, account_id, contact_id, sending_number_id,
                       body_id, phone, billable_segments, carrier_segments, kind, cost_micros,
                       price_list_version)
  SELECT a.instance_id, m.id, a.id, k.id, m.sending_number_id, b.id,
         p.e164, b.billable_segments, b.carrier_segments, 1, b.billable_segments * s.price_micros,
         m.price_list_version
    FROM mass_message m
    JOIN account a ON a.instance_id = m.instance_id
    JOIN company c ON c.id = a.company_id
    JOIN contact k ON k.account_id = a.id AND k.delete_time IS NULL
    JOIN phone_number p ON p.contact_id = k.id AND p.sms_opt_in
    JOIN phone_number_type t ON t.id = p.phone_number_type_id AND t.sms_capable
    JOIN body b ON b.mass_message_id = m.id AND b.company_id = c.id AND b.language = c.language
    JOIN segment_price s ON s.version = m.price_list_version AND s.country = p.country
     AND s.encoding = b.encoding
   WHERE m.id = $1 AND NOT EXISTS (SELECT FROM suppression s WHERE s.e164 = p.e164)
   ORDER BY a.id
  RETURNING id, instance_id, mass_message_id, sending_number_id, carrier_segments,
            cost_micros),
queued AS (
  INSERT INTO dispatch (message_id, instance_id, sending_number_id, mass_message_id, priority,
                        segments, valid_until, cost_micros)
  SELECT id, instance_id, sending_number_id, mass_message_id, 5, carrier_segments, now(),
         cost_micros
    FROM made),
logged AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status,
                            previous_status)
  SELECT instance_id, id, mass_message_id, 1, 1, 0 FROM made)
SELECT count(*) FROM made
"""


async def run(subscribers: int = NUMBERS) -> list[dict[str, Any]]:
    """Recipients a second of both, in turn, each time into empty tables; medians are compared."""
    async with bench_server() as server:
        pool = await open_pool(
            server.dsn(),
            min_size=1,
            max_size=2,
            application_name="bench",
            statement_timeout_ms=60_000,
        )
        async with pool:
            isp = await make_isp(pool)
            await add_subscribers(pool, isp, subscribers)
            await pool.execute("VACUUM ANALYZE")
            ours, baseline = [], []
            for _ in range(ROUNDS):
                baseline.append(await _rate(pool, isp, subscribers, at_once=True))
                ours.append(await _rate(pool, isp, subscribers, at_once=False))
    rate, baseline_rate = statistics.median(ours), statistics.median(baseline)
    return [
        {
            "bench": "expand",
            "rate": round(rate),
            "baseline": "one INSERT ... SELECT of the same rows",
            "baseline_rate": round(baseline_rate),
            "ratio": round(rate / baseline_rate, 2),
            "n": subscribers,
            "cores": os.cpu_count(),
        }
    ]


async def _rate(pool: Pool, isp: Isp, subscribers: int, *, at_once: bool) -> float:
    await pool.execute("TRUNCATE message, dispatch, status_event")
    await pool.execute("CHECKPOINT")
    mass_message_id = await add_mass_message(pool, isp)
    started = time.perf_counter()
    if at_once:
        await pool.fetchval(ALL_AT_ONCE, mass_message_id)
    else:
        while await expand_once(pool):
            pass
    elapsed = time.perf_counter() - started
    await pool.execute("UPDATE mass_message SET state = 5, finish_time = now() WHERE state < 4")
    made = await pool.fetchval("SELECT count(*) FROM dispatch")
    if made != subscribers:
        raise AssertionError(f"{made} texts for {subscribers} subscribers")
    return subscribers / elapsed


if __name__ == "__main__":
    for line in asyncio.run(run()):
        print(json.dumps(line))
