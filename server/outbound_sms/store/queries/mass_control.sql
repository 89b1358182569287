-- name: list_due
-- Mass messages for which something is to be done on the queue: a pause or a resume that has not
-- reached it, texts to fail after a cancel or past their validity, or an end to record.
-- A row that is leased or in doubt is left to those who hold it.
SELECT m.id
  FROM mass_message m
 WHERE m.finish_time IS NULL
   AND (NOT m.queue_settled
        OR ((m.state = 4 OR (m.state = 2 AND m.expanded))
            AND NOT EXISTS (SELECT FROM dispatch d WHERE d.mass_message_id = m.id))
        OR ((m.state = 4 OR m.valid_until <= clock_timestamp())
            AND EXISTS (SELECT FROM dispatch d WHERE d.mass_message_id = m.id
                           AND d.owner IS NULL AND d.in_doubt_since IS NULL)))
 ORDER BY m.id;

-- name: plan_for_values
-- Plans with the values at hand: a chunk is a small part of a queue that may be long or short.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: lock
-- Holds a mass message still while one chunk of its rows is changed, so that a pause and a resume that
-- follow each other cannot be carried out in the wrong order. Nothing comes back when another has it.
SELECT m.id, m.instance_id, m.sending_number_id, m.state, m.expanded, m.queue_settled,
       m.valid_until <= clock_timestamp() AS expired
  FROM mass_message m
 WHERE m.id = $1 AND m.finish_time IS NULL
   FOR NO KEY UPDATE SKIP LOCKED;

-- name: park
-- Sets ready rows of a paused mass message aside, so that claims need not walk over them. Goes along
-- the ready index from the last row of the chunk before. $3 mass message, ($4, $5) where to go on, $6 most.
WITH ready AS MATERIALIZED (
  SELECT d.message_id, d.due_time FROM dispatch d
   WHERE d.instance_id = $1 AND d.sending_number_id = $2 AND d.priority = 5 AND d.zones = ''
     AND d.owner IS NULL AND d.in_doubt_since IS NULL AND d.mass_message_id = $3
     AND (d.due_time, d.message_id) > ($4::timestamptz, $5::uuid) AND d.due_time < 'infinity'
   ORDER BY d.due_time, d.message_id
   LIMIT $6 FOR UPDATE SKIP LOCKED),
parked AS (
  UPDATE dispatch d SET due_time = 'infinity' FROM ready WHERE d.message_id = ready.message_id)
SELECT due_time, message_id FROM ready ORDER BY due_time, message_id;

-- name: unpark
-- Puts parked rows back into the queue. Waits for rows that others hold, since a row passed over would
-- stay parked for good. $3 mass message, $4 the last message of the chunk before, $5 most.
WITH parked AS MATERIALIZED (
  SELECT d.message_id FROM dispatch d
   WHERE d.instance_id = $1 AND d.sending_number_id = $2 AND d.priority = 5 AND d.zones = ''
     AND d.owner IS NULL AND d.in_doubt_since IS NULL AND d.mass_message_id = $3
     AND d.due_time = 'infinity' AND d.message_id > $4::uuid
   ORDER BY d.message_id
   LIMIT $5 FOR UPDATE),
ready AS (
  UPDATE dispatch d SET due_time = now() FROM parked WHERE d.message_id = parked.message_id)
SELECT message_id FROM parked ORDER BY message_id;

-- name: settle_queue
-- Records that the last pause or resume has reached every row of the queue.
UPDATE mass_message SET queue_settled = true WHERE id = $1;

-- name: fail_ready
-- Fails texts that nobody has handed over; how many were taken out of the queue. $1 mass message, $2 reason,
-- $3 most.
WITH ready AS MATERIALIZED (
  SELECT d.message_id FROM dispatch d
   WHERE d.mass_message_id = $1 AND d.owner IS NULL AND d.in_doubt_since IS NULL
   LIMIT $3 FOR UPDATE SKIP LOCKED)
SELECT doomed.texts
  FROM (SELECT count(*) AS texts, array_agg(message_id) AS ids, array_agg($2::text) AS reasons FROM ready) doomed
 CROSS JOIN fail_queued(doomed.ids, doomed.reasons);

-- name: list_expired
-- Texts of no mass message whose validity has passed and that nobody has, with the quiet hours that may
-- have held them. now() and not clock_timestamp(), so that the index can be asked. $1 most.
SELECT i.quiet_start, i.quiet_end, i.quiet_mode, i.time_zone, d.message_id, d.zones, d.valid_until
  FROM dispatch d JOIN instance i ON i.id = d.instance_id
 WHERE d.mass_message_id IS NULL AND d.owner IS NULL AND d.in_doubt_since IS NULL AND d.valid_until <= now()
 ORDER BY d.valid_until
 LIMIT $1;

-- name: fail_expired
-- Fails those of the texts that nobody has taken meanwhile; how many were taken out of the queue. In
-- parallel: $1 message ids, $2 reasons.
WITH ready AS MATERIALIZED (
  SELECT d.message_id, expired.reason
    FROM unnest($1::uuid[], $2::text[]) AS expired (message_id, reason)
    JOIN dispatch d ON d.message_id = expired.message_id
   WHERE d.mass_message_id IS NULL AND d.owner IS NULL AND d.in_doubt_since IS NULL AND d.valid_until <= now()
   FOR UPDATE OF d SKIP LOCKED)
SELECT doomed.texts
  FROM (SELECT count(*) AS texts, array_agg(message_id) AS ids, array_agg(reason) AS reasons FROM ready) doomed
 CROSS JOIN fail_queued(doomed.ids, doomed.reasons);

-- name: finish
-- Ends a mass message of which nothing is left in the queue; one that was cancelled stays CANCELLED.
UPDATE mass_message m
   SET finish_time = now(), state = CASE WHEN m.state = 2 THEN 5 ELSE m.state END
 WHERE m.id = $1
   AND (m.state = 4 OR (m.state = 2 AND m.expanded))
   AND NOT EXISTS (SELECT FROM dispatch d WHERE d.mass_message_id = m.id)
RETURNING m.id;
