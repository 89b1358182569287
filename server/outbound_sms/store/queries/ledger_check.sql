-- The invariants I1 to I6 of the ledger. Each statement returns at most $2 rows that break one, with what
-- was found and what was expected, of the instance $1 or, where that is NULL, of all. They are meant for
-- one snapshot, in which a ledger that is right breaks none, however much is going on. They read whole
-- tables, once each, and join by hashes: a look-up for each entry would take hours where this takes seconds.

-- name: prepare
-- Lets this transaction alone plan for whole tables and take $1 milliseconds for each statement; a
-- transaction as a whole has no limit then. The LIMITs would have the planner look for the first rows that
-- break an invariant entry by entry, and there are none.
SELECT set_config('statement_timeout', $1::text, true), set_config('work_mem', '64MB', true),
       set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'on', true),
       set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'off', true),
       set_config('enable_nestloop', 'off', true),
       CASE WHEN current_setting('server_version_num')::integer >= 170000
            THEN set_config('transaction_timeout', '0', true) END;

-- name: try_turn
-- Lets one process at a time check; the others skip their turn.
SELECT pg_try_advisory_xact_lock(7167236, 2);

-- name: count_checked
-- Counts what the statements below look at.
SELECT (SELECT count(*) FROM instance i WHERE $1::uuid IS NULL OR i.id = $1) AS instances,
       (SELECT count(*) FROM ledger_entry e WHERE $1::uuid IS NULL OR e.instance_id = $1) AS entries,
       (SELECT count(*) FROM message m WHERE $1::uuid IS NULL OR m.instance_id = $1) AS texts;

-- name: balance_is_sum_of_entries
-- I1: the three amounts of each balance are the sums of its ledger entries, and each instance has one.
SELECT i.id AS instance_id, i.id AS subject_id,
       CASE WHEN b.instance_id IS NULL THEN 'no balance'
            ELSE format('a balance of %s available, %s held, %s spent',
                        b.available_micros, b.held_micros, b.spent_micros) END AS found,
       format('%s available, %s held, %s spent, the sums of its ledger entries',
              coalesce(e.available, 0), coalesce(e.held, 0), coalesce(e.spent, 0)) AS expected
  FROM instance i
  LEFT JOIN balance b ON b.instance_id = i.id
  LEFT JOIN (
    SELECT instance_id, sum(available_micros) AS available, sum(held_micros) AS held, sum(spent_micros) AS spent
      FROM ledger_entry GROUP BY instance_id) e ON e.instance_id = i.id
 WHERE ($1::uuid IS NULL OR i.id = $1)
   AND (b.available_micros, b.held_micros, b.spent_micros)
       IS DISTINCT FROM (coalesce(e.available, 0), coalesce(e.held, 0), coalesce(e.spent, 0))
 LIMIT $2;

-- name: held_is_sum_of_open_holds
-- I2: what a balance has held is the sum of its holds that were neither captured nor released, and each of
-- those is of a text that is in the queue and says so there.
WITH open AS MATERIALIZED (
  SELECT h.instance_id, h.message_id, h.amount_micros FROM ledger_entry h
   WHERE h.kind = 2 AND ($1::uuid IS NULL OR h.instance_id = $1)
     AND NOT EXISTS (SELECT FROM ledger_entry r WHERE r.message_id = h.message_id AND r.kind IN (3, 4))),
queued AS MATERIALIZED (
  SELECT d.instance_id, d.message_id, d.cost_micros FROM dispatch d
   WHERE d.held AND ($1::uuid IS NULL OR d.instance_id = $1))
(SELECT b.instance_id, b.instance_id AS subject_id, format('%s held', b.held_micros) AS found,
        format('%s, the sum of the holds that are open', coalesce(o.micros, 0)) AS expected
   FROM balance b
   LEFT JOIN (SELECT instance_id, sum(amount_micros) AS micros FROM open GROUP BY 1) o
     ON o.instance_id = b.instance_id
  WHERE ($1::uuid IS NULL OR b.instance_id = $1) AND b.held_micros <> coalesce(o.micros, 0)
  LIMIT $2)
UNION ALL
(SELECT coalesce(o.instance_id, q.instance_id), coalesce(o.message_id, q.message_id),
        coalesce('an open hold of ' || o.amount_micros, 'no open hold'),
        CASE WHEN q.message_id IS NULL THEN 'none, since the queue has no price held for it'
             ELSE format('one of %s, by the queue', coalesce(q.cost_micros::text, 'no price')) END
   FROM open o
   FULL JOIN queued q ON q.message_id = o.message_id AND q.instance_id = o.instance_id
  WHERE o.amount_micros IS DISTINCT FROM q.cost_micros OR o.message_id IS NULL OR q.message_id IS NULL
  LIMIT $2)
LIMIT $2;

-- name: sent_is_charged_once
-- I3: a text that was sent or delivered, and that nobody works on any more, has one hold and one capture,
-- both of its price, and nothing else. One that was accepted before there was a ledger is free.
SELECT broken.instance_id, broken.message_id AS subject_id,
       CASE broken.status WHEN 3 THEN 'Sent with ' ELSE 'Delivered with ' END
       || coalesce(entries.listed, 'no entry') AS found,
       format('hold %s, capture %1$s', broken.cost_micros) AS expected
  FROM (SELECT m.instance_id, m.id AS message_id, m.status, m.cost_micros
          FROM message m
          LEFT JOIN ledger_entry e ON e.message_id = m.id AND e.instance_id = m.instance_id
         WHERE m.status IN (3, 4) AND m.price_list_version IS NOT NULL
           AND ($1::uuid IS NULL OR m.instance_id = $1)
           AND NOT EXISTS (SELECT FROM dispatch d WHERE d.message_id = m.id)
         GROUP BY m.id
        HAVING (count(*) FILTER (WHERE e.kind = 2 AND e.amount_micros = m.cost_micros) = 1
                AND count(*) FILTER (WHERE e.kind = 3 AND e.amount_micros = m.cost_micros) = 1
                AND count(*) = 2) IS NOT TRUE
         LIMIT $2) broken
 CROSS JOIN LATERAL (
   SELECT string_agg((ARRAY['top-up', 'hold', 'capture', 'release', 'refund'])[e.kind] || ' '
                     || e.amount_micros, ', ' ORDER BY e.id) AS listed
     FROM ledger_entry e
    WHERE e.message_id = broken.message_id AND e.instance_id = broken.instance_id) entries;

-- name: unsent_is_not_charged
-- I4: of every other text. Failed: nothing, or its price held and released, or held and captured since the
-- carrier had accepted it, and then perhaps refunded. In the queue or not sent yet: nothing, or held alone.
-- Insufficient funds: nothing, and not in the queue. Accepted before there was a ledger: nothing. No entry
-- is of a text that does not exist, or is another instance's. The queue has the price of each text, and what
-- waits to be requeued could not be paid.
WITH moved AS (
  SELECT e.instance_id, e.message_id, m.status, m.cost_micros, m.price_list_version,
         d.message_id IS NOT NULL AS queued,
         count(*) FILTER (WHERE e.kind = 2) AS holds, count(*) FILTER (WHERE e.kind = 3) AS captures,
         count(*) FILTER (WHERE e.kind = 4) AS releases, count(*) FILTER (WHERE e.kind = 5) AS refunds,
         bool_and(e.amount_micros = m.cost_micros) AS exact
    FROM ledger_entry e
    LEFT JOIN message m ON m.id = e.message_id AND m.instance_id = e.instance_id
    LEFT JOIN dispatch d ON d.message_id = e.message_id
   WHERE e.kind BETWEEN 2 AND 5 AND ($1::uuid IS NULL OR e.instance_id = $1)
     AND (m.status IN (3, 4) AND m.price_list_version IS NOT NULL AND d.message_id IS NULL) IS NOT TRUE
   GROUP BY e.instance_id, e.message_id, m.status, m.cost_micros, m.price_list_version, d.message_id),
broken AS (
  SELECT moved.*,
         CASE WHEN price_list_version IS NULL OR status = 6 THEN 'nothing'
              WHEN queued OR status < 3 THEN format('nothing, or hold %s alone', cost_micros)
              ELSE format('nothing, or hold %s and then release %1$s or capture %1$s, which may be refunded',
                          cost_micros) END AS expected
    FROM moved
   WHERE CASE WHEN price_list_version IS NULL OR status = 6 THEN true
              WHEN NOT exact OR holds <> 1 THEN true
              WHEN queued OR status < 3 THEN captures + releases + refunds > 0
              ELSE captures + releases <> 1 OR refunds > captures END
   LIMIT $2)
(SELECT broken.instance_id, broken.message_id AS subject_id,
        CASE WHEN broken.status IS NULL THEN 'No text of this instance'
             ELSE (ARRAY['Pending', 'In progress', 'Sent', 'Delivered', 'Failed', 'Insufficient funds'])[broken.status]
        END || CASE WHEN broken.queued THEN ', in the queue,' ELSE '' END || ' with ' || entries.listed AS found,
        broken.expected
   FROM broken
  CROSS JOIN LATERAL (
    SELECT string_agg((ARRAY['top-up', 'hold', 'capture', 'release', 'refund'])[e.kind] || ' '
                      || e.amount_micros, ', ' ORDER BY e.id) AS listed
      FROM ledger_entry e
     WHERE e.message_id = broken.message_id AND e.instance_id = broken.instance_id) entries)
UNION ALL
(SELECT d.instance_id, d.message_id,
        format('in the queue for %s, status %s', coalesce(d.cost_micros::text, 'nothing'), m.status),
        CASE WHEN m.status = 6 THEN 'not in the queue, since it could not be paid'
             WHEN m.price_list_version IS NULL THEN 'nothing, since it was accepted before there was a ledger'
             ELSE format('%s, the price of the text', m.cost_micros) END
   FROM dispatch d JOIN message m ON m.id = d.message_id
  WHERE ($1::uuid IS NULL OR d.instance_id = $1)
    AND (m.status = 6
         OR d.cost_micros IS DISTINCT FROM CASE WHEN m.price_list_version IS NOT NULL THEN m.cost_micros END)
  LIMIT $2)
UNION ALL
(SELECT u.instance_id, u.message_id,
        format('waits to be requeued for %s, status %s', u.cost_micros, coalesce(m.status::text, 'none')),
        format('status 6, and the price of the text, %s', m.cost_micros)
   FROM unfunded u LEFT JOIN message m ON m.id = u.message_id AND m.instance_id = u.instance_id
  WHERE ($1::uuid IS NULL OR u.instance_id = $1)
    AND (m.status, m.cost_micros) IS DISTINCT FROM (6, u.cost_micros)
  LIMIT $2)
LIMIT $2;

-- name: money_is_conserved
-- I5: what an instance has and has spent is what came in from outside, and each top-up that succeeded came
-- in once, with its amount, and no other did.
(SELECT b.instance_id, b.instance_id AS subject_id,
        format('%s in the balance, spent included', b.available_micros + b.held_micros + b.spent_micros) AS found,
        format('%s, which came in from outside', - coalesce(e.external, 0)) AS expected
   FROM balance b
   LEFT JOIN (SELECT instance_id, sum(external_micros) AS external FROM ledger_entry GROUP BY instance_id) e
     ON e.instance_id = b.instance_id
  WHERE ($1::uuid IS NULL OR b.instance_id = $1)
    AND b.available_micros + b.held_micros + b.spent_micros + coalesce(e.external, 0) <> 0
  LIMIT $2)
UNION ALL
(SELECT coalesce(t.instance_id, e.instance_id), coalesce(t.id, e.top_up_id),
        CASE WHEN count(e.id) = 0 THEN 'a top-up without an entry'
             ELSE format('a top-up of %s, in %s entries', sum(e.amount_micros), count(e.id)) END,
        CASE WHEN t.state = 3 THEN format('one entry of %s', t.amount_micros)
             ELSE 'none, since it has not succeeded' END
   FROM (SELECT * FROM top_up t WHERE $1::uuid IS NULL OR t.instance_id = $1) t
   FULL JOIN (SELECT * FROM ledger_entry e WHERE e.kind = 1 AND ($1::uuid IS NULL OR e.instance_id = $1)) e
     ON e.top_up_id = t.id AND e.instance_id = t.instance_id
  GROUP BY t.id, t.instance_id, t.state, t.amount_micros, coalesce(t.instance_id, e.instance_id),
           coalesce(t.id, e.top_up_id)
 HAVING CASE WHEN t.state = 3 THEN count(e.id) <> 1 OR sum(e.amount_micros) <> t.amount_micros
             ELSE count(e.id) > 0 END
  LIMIT $2)
LIMIT $2;

-- name: never_captured_and_released
-- I6: no text was both captured and released.
SELECT c.instance_id, c.message_id AS subject_id,
       format('capture %s and release %s', c.amount_micros, r.amount_micros) AS found,
       'one of the two' AS expected
  FROM ledger_entry c JOIN ledger_entry r ON r.message_id = c.message_id
 WHERE c.kind = 3 AND r.kind = 4 AND ($1::uuid IS NULL OR c.instance_id = $1)
 LIMIT $2;
