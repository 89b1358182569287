-- name: plan_by_index
-- Has the next statements of the transaction planned for their arguments, by indexes and nested loops: the
-- queue and what was set aside from it grow and shrink faster than statistics follow.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true);

-- name: funds
-- Reads whether an instance sends at all, and the money that it has for that.
SELECT i.sms_enabled, i.currency, b.available_micros
  FROM instance i JOIN balance b ON b.instance_id = i.id WHERE i.id = $1;

-- name: find_messages
-- Which of some ids are messages of the instance.
SELECT m.id FROM message m WHERE m.instance_id = $1 AND m.id = ANY ($2::uuid[]);

-- name: find_mass_message
-- Whether an id is a mass message of the instance.
SELECT EXISTS (SELECT FROM mass_message m WHERE m.instance_id = $1 AND m.id = $2);

-- name: lock_mass_messages
-- Holds the mass messages of the oldest that match still, so that nobody pauses, cancels or finishes one while
-- its texts go back into the queue. In the order of their ids; the states are those after the wait.
-- $1 instance, $2 message ids, $3 mass message, $4 kind, $5 most.
SELECT m.id, m.state
  FROM mass_message m
 WHERE m.instance_id = $1
   AND m.id = ANY (ARRAY (
         SELECT DISTINCT oldest.mass_message_id
           FROM (SELECT u.mass_message_id FROM unfunded u
                  WHERE u.instance_id = $1
                    AND ($2::uuid[] IS NULL OR u.message_id = ANY ($2))
                    AND ($3::uuid IS NULL OR u.mass_message_id = $3)
                    AND ($4::smallint IS NULL
                         OR EXISTS (SELECT FROM message k WHERE k.id = u.message_id AND k.kind = $4))
                  ORDER BY u.message_id LIMIT $5) oldest
          WHERE oldest.mass_message_id IS NOT NULL))
 ORDER BY m.id FOR NO KEY UPDATE;

-- name: requeue
-- Puts the oldest that match back into the queue, due now, in the order of their ids; those of a paused mass
-- message are set aside there, as pausing does. What is not valid any more, or was cancelled, keeps its status,
-- and its row goes. Each goes once, however many ask: only who deletes the row queues the text. Rows that
-- another call has are passed over. Messages are locked in id order, as everybody does who changes many.
-- $1 to $4 as above, $5 the mass messages that are locked, $6 those of them that are cancelled, $7 that are
-- paused, $8 most.
WITH chosen AS MATERIALIZED (
  SELECT u.message_id,
         u.valid_until > clock_timestamp() AND (u.mass_message_id = ANY ($6::uuid[])) IS NOT TRUE AS valid
    FROM unfunded u
   WHERE u.instance_id = $1
     AND ($2::uuid[] IS NULL OR u.message_id = ANY ($2))
     AND ($3::uuid IS NULL OR u.mass_message_id = $3)
     AND ($4::smallint IS NULL OR EXISTS (SELECT FROM message k WHERE k.id = u.message_id AND k.kind = $4))
     AND (u.mass_message_id IS NULL OR u.mass_message_id = ANY ($5::uuid[]))
   ORDER BY u.message_id
   LIMIT $8 FOR UPDATE OF u SKIP LOCKED),
locked AS MATERIALIZED (
  SELECT m.id FROM chosen JOIN message m ON m.id = chosen.message_id
   WHERE chosen.valid AND m.instance_id = $1
   ORDER BY m.id FOR UPDATE OF m),
taken AS (
  DELETE FROM unfunded u USING locked WHERE u.message_id = locked.id RETURNING u.*),
over AS (
  DELETE FROM unfunded u USING chosen WHERE u.message_id = chosen.message_id AND NOT chosen.valid
  RETURNING u.message_id),
queued AS (
  INSERT INTO dispatch (message_id, instance_id, sending_number_id, mass_message_id, priority, zones, segments,
                        due_time, valid_until, cost_micros)
  SELECT message_id, instance_id, sending_number_id, mass_message_id, priority, zones, segments,
         CASE WHEN mass_message_id = ANY ($7::uuid[]) THEN 'infinity' ELSE now() END, valid_until, cost_micros
    FROM taken),
changed AS (
  UPDATE message m SET status = 1, version = m.version + 1
    FROM taken WHERE m.id = taken.message_id AND m.status = 6
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version, taken.cost_micros),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status)
  SELECT instance_id, id, mass_message_id, version, 1, 6 FROM changed)
SELECT count(*) AS requeued, coalesce(sum(cost_micros), 0)::bigint AS cost_micros,
       coalesce(array_agg(DISTINCT mass_message_id) FILTER (WHERE mass_message_id IS NOT NULL), '{}')
         AS mass_message_ids,
       (SELECT count(*) FROM over) AS over
  FROM changed;

-- name: reopen
-- Has finished mass messages send again, until what was requeued has ended. They are locked already.
UPDATE mass_message SET state = 2, finish_time = NULL
 WHERE instance_id = $1 AND id = ANY ($2::uuid[]) AND state = 5;

-- name: has_more
-- Whether anything that matches is still there. $1 to $4 as above.
SELECT EXISTS (
  SELECT FROM unfunded u
   WHERE u.instance_id = $1
     AND ($2::uuid[] IS NULL OR u.message_id = ANY ($2))
     AND ($3::uuid IS NULL OR u.mass_message_id = $3)
     AND ($4::smallint IS NULL OR EXISTS (SELECT FROM message k WHERE k.id = u.message_id AND k.kind = $4)));
