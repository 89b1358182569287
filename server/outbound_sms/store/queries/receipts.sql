-- name: store_receipts
-- Stores receipts before the carrier is answered. The key makes a repeated receipt harmless.
-- In parallel: message ids, attempts, states, carriers, carrier message ids, reasons, carrier codes.
INSERT INTO receipt (message_id, attempt, state, carrier, carrier_message_id, reason, carrier_code)
SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[])
ON CONFLICT DO NOTHING;

-- name: apply_receipts
-- Moves messages forward by the receipts that wait, at most $1 of them, and empties them from the inbox.
-- Of several receipts for one message the first final one counts; a status never goes back. A receipt
-- proves that an attempt in doubt was accepted, so it ends that doubt. Two processes that apply at once
-- wait for each other and take different receipts. States: 2 sent 3 delivered
-- 4 undelivered 5 failed.
WITH taken AS MATERIALIZED (
  DELETE FROM receipt r
   WHERE r.ctid = ANY (ARRAY(
           SELECT e.ctid FROM receipt e ORDER BY e.message_id, e.attempt, e.state LIMIT $1))
  RETURNING r.*),
best AS MATERIALIZED (
  SELECT DISTINCT ON (message_id) message_id, attempt, carrier, carrier_message_id, reason,
         CASE state WHEN 2 THEN 3 WHEN 3 THEN 4 ELSE 5 END::smallint AS status
    FROM taken ORDER BY message_id, state = 2, receive_time),
locked AS MATERIALIZED (
  SELECT m.id, m.status AS previous_status, best.status, best.reason
    FROM best JOIN message m ON m.id = best.message_id
   WHERE m.status IN (2, 3) ORDER BY m.id FOR UPDATE OF m),
changed AS (
  UPDATE message m
     SET status = locked.status, version = m.version + 1,
         reject_reason = CASE WHEN locked.status = 5 THEN coalesce(locked.reason, 'UNKNOWN.OTHER') END
    FROM locked
   WHERE m.id = locked.id AND locked.status > locked.previous_status
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version, m.status, m.reject_reason,
            locked.previous_status),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status, reject_reason)
  SELECT instance_id, id, mass_message_id, version, status, previous_status, reject_reason FROM changed),
doubtful AS (
  SELECT d.message_id, d.attempts, d.submitting_time, best.carrier, best.carrier_message_id
    FROM best JOIN dispatch d ON d.message_id = best.message_id AND d.attempts = best.attempt
   WHERE (SELECT any_doubt.message_id FROM dispatch any_doubt
           WHERE any_doubt.in_doubt_since IS NOT NULL ORDER BY any_doubt.due_time LIMIT 1) IS NOT NULL
     AND d.in_doubt_since IS NOT NULL AND d.owner IS NULL
     FOR UPDATE OF d SKIP LOCKED),
resolved AS (
  DELETE FROM dispatch d USING doubtful WHERE d.message_id = doubtful.message_id
  RETURNING d.message_id, doubtful.attempts, doubtful.submitting_time, doubtful.carrier,
            doubtful.carrier_message_id),
recorded AS (
  INSERT INTO attempt (message_id, number, carrier, outcome, carrier_message_id, submit_time)
  SELECT message_id, attempts, carrier, 1, carrier_message_id, submitting_time FROM resolved
  ON CONFLICT DO NOTHING)
SELECT count(*) FROM taken;
