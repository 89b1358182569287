-- name: store_receipts
-- Stores receipts before the carrier is answered. The key makes a repeated receipt harmless.
-- In parallel: message ids, attempts, states, carriers, carrier message ids, reasons, carrier codes.
INSERT INTO receipt (message_id, attempt, state, carrier, carrier_message_id, reason, carrier_code)
SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[])
ON CONFLICT DO NOTHING;

-- name: apply_receipts
-- Moves messages forward by the receipts that wait, at most $1 of them, and empties them from the inbox.
-- Of several receipts for one message the first final one counts; a status never goes back. A receipt
-- proves that an attempt in doubt was accepted, so it ends that doubt, and what was held for it is
-- captured. A carrier does not charge for a text that failed before it reached the network (state 5): its
-- price is released, or refunded once it has been captured. What the carrier said of a failure stays with the
-- attempt, which the answer to the submission may still have to record. Two processes that apply at once wait
-- for each other and take different receipts. States: 2 sent 3 delivered 4 undelivered 5 failed.
WITH taken AS MATERIALIZED (
  DELETE FROM receipt r
   WHERE r.ctid = ANY (ARRAY(
           SELECT e.ctid FROM receipt e ORDER BY e.message_id, e.attempt, e.state LIMIT $1))
  RETURNING r.*),
best AS MATERIALIZED (
  SELECT DISTINCT ON (message_id) message_id, attempt, carrier, carrier_message_id, reason, carrier_code, receive_time,
         CASE state WHEN 2 THEN 3 WHEN 3 THEN 4 ELSE 5 END::smallint AS status, state = 5 AS not_charged
    FROM taken ORDER BY message_id, state = 2, receive_time),
locked AS MATERIALIZED (
  SELECT m.id, m.status AS previous_status, best.status, best.reason, best.not_charged, best.attempt, best.carrier,
         best.carrier_message_id, best.carrier_code, best.receive_time
    FROM best JOIN message m ON m.id = best.message_id
   WHERE m.status IN (2, 3) ORDER BY m.id FOR UPDATE OF m),
changed AS (
  UPDATE message m
     SET status = locked.status, version = m.version + 1,
         reject_reason = CASE WHEN locked.status = 5 THEN coalesce(locked.reason, 'UNKNOWN.OTHER') END
    FROM locked
   WHERE m.id = locked.id AND locked.status > locked.previous_status
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version, m.status, m.reject_reason,
            locked.previous_status, locked.not_charged, locked.attempt, locked.carrier, locked.carrier_message_id,
            locked.reason, locked.carrier_code, locked.receive_time),
uncharged AS (
  INSERT INTO refund_due (message_id, instance_id)
  SELECT id, instance_id FROM changed WHERE not_charged ON CONFLICT DO NOTHING),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status, reject_reason)
  SELECT instance_id, id, mass_message_id, version, status, previous_status, reject_reason FROM changed),
doubtful AS (
  SELECT d.message_id, d.attempts, d.submitting_time, best.carrier, best.carrier_message_id, best.not_charged,
         best.reason, best.carrier_code
    FROM best JOIN dispatch d ON d.message_id = best.message_id AND d.attempts = best.attempt
   WHERE (SELECT any_doubt.message_id FROM dispatch any_doubt
           WHERE any_doubt.in_doubt_since IS NOT NULL ORDER BY any_doubt.due_time LIMIT 1) IS NOT NULL
     AND d.in_doubt_since IS NOT NULL AND d.owner IS NULL
     FOR UPDATE OF d SKIP LOCKED),
resolved AS (
  DELETE FROM dispatch d USING doubtful WHERE d.message_id = doubtful.message_id
  RETURNING d.message_id, d.instance_id, d.cost_micros, d.held, doubtful.attempts, doubtful.submitting_time,
            doubtful.carrier, doubtful.carrier_message_id, doubtful.not_charged, doubtful.reason,
            doubtful.carrier_code),
paid AS (
  INSERT INTO ledger_entry (instance_id, kind, message_id, amount_micros)
  SELECT instance_id,
         CASE WHEN not_charged AND message_id IN (SELECT changed.id FROM changed) THEN 4 ELSE 3 END,
         message_id, cost_micros
    FROM resolved WHERE held),
recorded AS (
  INSERT INTO attempt (message_id, number, carrier, outcome, carrier_message_id, reason, carrier_code, submit_time)
  SELECT message_id, attempts, carrier, 1, carrier_message_id, reason, carrier_code, submitting_time FROM resolved
  UNION ALL
  SELECT id, attempt, carrier, 1, carrier_message_id, reason, carrier_code,
         coalesce((SELECT d.submitting_time FROM dispatch d
                    WHERE d.message_id = changed.id AND d.attempts = changed.attempt), receive_time)
    FROM changed
   WHERE status = 5 AND coalesce(reason, carrier_code) IS NOT NULL AND id NOT IN (SELECT message_id FROM resolved)
   ORDER BY 1
  ON CONFLICT (message_id, number) DO UPDATE
    SET reason = coalesce(attempt.reason, excluded.reason),
        carrier_code = coalesce(attempt.carrier_code, excluded.carrier_code)
  WHERE coalesce(excluded.reason, excluded.carrier_code) IS NOT NULL)
SELECT count(*) FROM taken;

-- name: refund
-- Gives back what was captured for texts that the carrier did not charge for, at most $1. While a text is
-- in the queue its capture has still to come, so it is left for later; one without a capture had its price
-- released.
WITH due AS (
  DELETE FROM refund_due r
   WHERE r.message_id = ANY (ARRAY (
           SELECT e.message_id FROM refund_due e
            WHERE NOT EXISTS (SELECT FROM dispatch d WHERE d.message_id = e.message_id)
            ORDER BY e.message_id LIMIT $1 FOR UPDATE SKIP LOCKED))
  RETURNING r.message_id),
refunded AS (
  INSERT INTO ledger_entry (instance_id, kind, message_id, amount_micros)
  SELECT e.instance_id, 5, e.message_id, e.amount_micros
    FROM due JOIN ledger_entry e ON e.message_id = due.message_id AND e.kind = 3)
SELECT count(*) FROM due;
