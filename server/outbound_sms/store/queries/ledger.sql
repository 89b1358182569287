-- name: plan_for_arguments
-- Has the next statements of the transaction planned for their arguments: with filters that are not set
-- folded away, and ids and times that lie where the history is short.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: instance
-- Reads by whose days and in what currency an instance counts, and what time it is.
-- $1 instance.
SELECT i.currency, i.time_zone, clock_timestamp() AS now FROM instance i WHERE i.id = $1;

-- name: find_id
-- Finds where in the ledger of an instance a time begins, by halving: entries before the id are older, as
-- far as ids and times grow together. Takes a look-up for each bit of an id, however long the history is.
-- $1 instance, $2 time.
WITH RECURSIVE search (low, high) AS (
  SELECT 0::bigint,
         (SELECT e.id + 1 FROM ledger_entry e WHERE e.instance_id = $1 ORDER BY e.id DESC LIMIT 1)
  UNION ALL
  SELECT CASE WHEN middle.entry_time < $2 THEN middle.id + 1 ELSE s.low END,
         CASE WHEN middle.entry_time < $2 THEN s.high ELSE (s.low + s.high) / 2 END
    FROM search s,
         LATERAL (SELECT e.id, e.entry_time FROM ledger_entry e
                   WHERE e.instance_id = $1 AND e.id >= (s.low + s.high) / 2 ORDER BY e.id LIMIT 1) middle
   WHERE s.low < s.high)
SELECT max(low) FROM search;

-- name: list
-- Lists entries, newest first.
-- $1 instance, $2 id before which to go on, $3 most, $4 kinds, $5 message, $6 from, $7 until, $8 and $9 the
-- ids between which entries of those times lie.
SELECT e.id, e.entry_time, e.kind, e.amount_micros, e.message_id, e.top_up_id, e.note,
       e.available_micros, e.held_micros, e.spent_micros
  FROM ledger_entry e
 WHERE e.instance_id = $1
   AND ($2::bigint IS NULL OR e.id < $2)
   AND ($4::smallint[] IS NULL OR e.kind = ANY ($4))
   AND ($5::uuid IS NULL OR e.message_id = $5)
   AND ($6::timestamptz IS NULL OR e.entry_time >= $6)
   AND ($7::timestamptz IS NULL OR e.entry_time < $7)
   AND ($8::bigint IS NULL OR e.id >= $8)
   AND ($9::bigint IS NULL OR e.id < $9)
 ORDER BY e.id DESC LIMIT $3;

-- name: balance
-- Reads the balance as it stands.
-- $1 instance.
SELECT b.available_micros, b.held_micros, b.spent_micros FROM balance b WHERE b.instance_id = $1;

-- name: moved_since
-- Sums up what has moved from a time on.
-- $1 instance, $2 time, $3 id before which all entries are older.
SELECT coalesce(sum(e.available_micros), 0)::bigint AS available_micros,
       coalesce(sum(e.held_micros), 0)::bigint AS held_micros,
       coalesce(sum(e.spent_micros), 0)::bigint AS spent_micros
  FROM ledger_entry e
 WHERE e.instance_id = $1 AND e.entry_time >= $2 AND e.id >= $3;

-- name: lines
-- Sums up what has moved on each day, by kind. Days are given by when they begin, and numbered from 1, so
-- that the server's own time zones decide and not the database's.
-- $1 instance, $2 when the days begin and the last one ends, $3 and $4 the ids between which entries of those
-- times lie.
SELECT width_bucket(e.entry_time, $2::timestamptz[]) AS day, e.kind, count(*) AS entries,
       coalesce(sum(m.billable_segments), 0)::bigint AS billable_segments,
       sum(e.available_micros)::bigint AS available_micros, sum(e.held_micros)::bigint AS held_micros,
       sum(e.spent_micros)::bigint AS spent_micros
  FROM ledger_entry e
  LEFT JOIN message m ON m.id = e.message_id AND m.instance_id = e.instance_id
 WHERE e.instance_id = $1
   AND e.entry_time >= ($2::timestamptz[])[1]
   AND e.entry_time < ($2::timestamptz[])[cardinality($2::timestamptz[])]
   AND e.id >= $3 AND e.id < $4
 GROUP BY 1, 2 ORDER BY 1, 2;
