-- name: ready_numbers
-- Lists each sending number that has work waiting, by a loose index scan: one probe for each number,
-- however long the queue. `wait` is the time in seconds until its rate allows the next hand-over.
WITH RECURSIVE waiting AS (
  (SELECT d.instance_id, d.sending_number_id FROM dispatch d
    WHERE d.owner IS NULL AND d.in_doubt_since IS NULL
    ORDER BY d.instance_id, d.sending_number_id LIMIT 1)
  UNION ALL
  SELECT following.instance_id, following.sending_number_id
    FROM waiting CROSS JOIN LATERAL (
      SELECT d.instance_id, d.sending_number_id FROM dispatch d
       WHERE d.owner IS NULL AND d.in_doubt_since IS NULL
         AND (d.instance_id, d.sending_number_id) > (waiting.instance_id, waiting.sending_number_id)
       ORDER BY d.instance_id, d.sending_number_id LIMIT 1) following)
SELECT waiting.instance_id, waiting.sending_number_id, number.carrier,
       greatest(0, - (rate.tokens + extract(epoch FROM clock_timestamp() - rate.refill_time)
                                    * number.segments_per_second) / number.segments_per_second)::float8 AS wait
  FROM waiting
  JOIN sending_number number ON number.id = waiting.sending_number_id
  JOIN sending_rate rate ON rate.sending_number_id = waiting.sending_number_id
  JOIN instance ON instance.id = waiting.instance_id
 WHERE number.enabled AND instance.sms_enabled;

-- name: claim
-- Leases the next messages of some sending numbers, as many as the rate of each allows. Fails those whose
-- number has replied STOP, and drops those that a late receipt has shown to be sent. The rate rows are the only locks that are waited for; they are
-- taken in id order. MATERIALIZED keeps the planner from running a limited subquery twice.
-- $1 sending numbers, $2 most messages of each, $3 owner, $4 seconds of lease.
WITH number AS MATERIALIZED (
  SELECT n.id, n.instance_id, n.e164, n.carrier, n.segments_per_second,
         least(n.segments_per_second,
               r.tokens + extract(epoch FROM clock_timestamp() - r.refill_time) * n.segments_per_second) AS tokens
    FROM sending_rate r JOIN sending_number n ON n.id = r.sending_number_id
   WHERE r.sending_number_id = ANY ($1::uuid[])
   ORDER BY r.sending_number_id FOR UPDATE OF r),
candidate AS MATERIALIZED (
  SELECT number.e164, number.carrier, number.tokens, next.*
    FROM number CROSS JOIN LATERAL (
      SELECT q.message_id, q.sending_number_id, q.segments, q.priority, q.due_time, q.valid_until
        FROM dispatch q
       WHERE q.instance_id = number.instance_id AND q.sending_number_id = number.id
         AND q.owner IS NULL AND q.in_doubt_since IS NULL
         AND q.due_time <= clock_timestamp() AND q.valid_until > clock_timestamp()
         AND coalesce(q.mass_message_id NOT IN (
               SELECT mm.id FROM mass_message mm WHERE mm.finish_time IS NULL AND mm.state IN (3, 4)), true)
       ORDER BY q.priority, q.due_time, q.message_id
       LIMIT $2 FOR UPDATE SKIP LOCKED) next
   WHERE number.tokens > 0),
seen AS (
  SELECT candidate.*, m.phone, m.body_id,
         m.status > 2 OR (suppression.e164 IS NOT NULL AND m.kind <> 3) AS stop,
         sum(candidate.segments) OVER (
           PARTITION BY candidate.sending_number_id
           ORDER BY candidate.priority, candidate.due_time, candidate.message_id) - candidate.segments AS before
    FROM candidate
    JOIN message m ON m.id = candidate.message_id
    LEFT JOIN suppression ON suppression.e164 = m.phone),
leased AS (
  UPDATE dispatch d
     SET owner = $3, lease_until = clock_timestamp() + make_interval(secs => $4), fence = d.fence + 1
    FROM seen
   WHERE d.message_id = seen.message_id AND NOT seen.stop AND seen.before < seen.tokens
  RETURNING d.message_id, d.fence, d.segments, d.failures, seen.sending_number_id, seen.e164, seen.carrier,
            seen.phone, seen.body_id, seen.valid_until, seen.priority, seen.due_time),
spent AS (
  UPDATE sending_rate r
     SET tokens = number.tokens - coalesce(
           (SELECT sum(leased.segments) FROM leased WHERE leased.sending_number_id = number.id), 0),
         refill_time = clock_timestamp()
    FROM number WHERE r.sending_number_id = number.id),
stopped AS (
  DELETE FROM dispatch d USING seen WHERE d.message_id = seen.message_id AND seen.stop
  RETURNING d.message_id),
before_stop AS MATERIALIZED (
  SELECT m.id, m.status FROM message m
   WHERE m.id IN (SELECT stopped.message_id FROM stopped) ORDER BY m.id FOR UPDATE),
failed AS (
  UPDATE message m SET status = 5, version = m.version + 1, reject_reason = 'POLICY.OPTED_OUT'
    FROM before_stop WHERE m.id = before_stop.id AND before_stop.status IN (1, 2)
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version, before_stop.status AS previous_status),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status, reject_reason)
  SELECT instance_id, id, mass_message_id, version, 5, previous_status, 'POLICY.OPTED_OUT' FROM failed)
SELECT message_id, fence, failures, carrier, e164 AS sender, phone, body_id, segments, valid_until
  FROM leased ORDER BY priority, due_time, message_id;

-- name: intend
-- Records, just before the carrier is asked, that it may have been. A row comes back only if the lease
-- will outlast the call, and nothing has ended the message since the claim: a STOP, or a late receipt.
-- $1 message ids, $2 fences, $3 owner, $4 seconds that the lease must still have.
WITH wanted AS (
  SELECT * FROM unnest($1::uuid[], $2::int[]) AS wanted (message_id, fence)),
intended AS (
  UPDATE dispatch d SET submitting_time = clock_timestamp(), attempts = d.attempts + 1
    FROM wanted
   WHERE d.message_id = wanted.message_id AND d.fence = wanted.fence AND d.owner IS NOT DISTINCT FROM $3
     AND d.lease_until > clock_timestamp() + make_interval(secs => $4)
     AND NOT EXISTS (SELECT 1 FROM message m LEFT JOIN suppression s ON s.e164 = m.phone
                      WHERE m.id = wanted.message_id
                        AND (m.status > 2 OR (s.e164 IS NOT NULL AND m.kind <> 3)))
  RETURNING d.message_id, d.attempts),
changed AS (
  UPDATE message m SET status = 2, version = m.version + 1
    FROM intended WHERE m.id = intended.message_id AND m.status = 1
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status)
  SELECT instance_id, id, mass_message_id, version, 2, 1 FROM changed)
SELECT message_id, attempts FROM intended;

-- name: settle
-- Ends the work on messages whose outcome is final: the queue row goes, the attempt is recorded, the
-- status moves forward. A fence that no longer matches means that the lease was lost: nothing changes.
-- A message that a receipt has moved on already keeps its status. The ids come sorted: everything that
-- changes several messages does so in id order. IS NOT DISTINCT FROM keeps the planner to the primary
-- key: the index on owner is full of rows that are gone.
-- $1 owner, then in parallel: ids, fences, statuses, reasons, carriers, outcomes, carrier message ids,
-- carrier codes.
WITH outcome AS (
  SELECT * FROM unnest($2::uuid[], $3::int[], $4::smallint[], $5::text[], $6::text[], $7::smallint[],
                       $8::text[], $9::text[])
    AS outcome (message_id, fence, status, reason, carrier, outcome, carrier_message_id, carrier_code)),
done AS (
  DELETE FROM dispatch d USING outcome
   WHERE d.message_id = outcome.message_id AND d.fence = outcome.fence AND d.owner IS NOT DISTINCT FROM $1
  RETURNING d.message_id, d.attempts, d.submitting_time, outcome.status, outcome.reason, outcome.carrier,
            outcome.outcome, outcome.carrier_message_id, outcome.carrier_code),
changed AS (
  UPDATE message m SET status = done.status, version = m.version + 1, reject_reason = done.reason
    FROM done WHERE m.id = done.message_id AND m.status = 2
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version, m.status, m.reject_reason),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status, reject_reason)
  SELECT instance_id, id, mass_message_id, version, status, 2, reject_reason FROM changed),
recorded AS (
  INSERT INTO attempt (message_id, number, carrier, outcome, carrier_message_id, reason, carrier_code, submit_time)
  SELECT message_id, attempts, carrier, outcome, carrier_message_id, reason, carrier_code, submitting_time
    FROM done WHERE outcome > 0 AND attempts > 0 AND submitting_time IS NOT NULL
  ON CONFLICT DO NOTHING)
SELECT message_id FROM done;

-- name: give_back
-- Returns messages that surely did not reach the carrier to the queue, due again after a pause.
-- $1 owner, then in parallel: ids, fences, seconds of pause, failures to add, carriers, outcomes,
-- reasons, carrier codes. Outcome 0 stands for no hand-over at all: no attempt is recorded.
WITH outcome AS (
  SELECT * FROM unnest($2::uuid[], $3::int[], $4::float8[], $5::smallint[], $6::text[], $7::smallint[],
                       $8::text[], $9::text[])
    AS outcome (message_id, fence, pause, failures, carrier, outcome, reason, carrier_code)),
back AS (
  UPDATE dispatch d
     SET owner = NULL, lease_until = NULL, submitting_time = NULL, in_doubt_since = NULL,
         due_time = clock_timestamp() + make_interval(secs => outcome.pause),
         failures = d.failures + outcome.failures
    FROM outcome
   WHERE d.message_id = outcome.message_id AND d.fence = outcome.fence AND d.owner IS NOT DISTINCT FROM $1
  RETURNING d.message_id, d.attempts, outcome.carrier, outcome.outcome, outcome.reason, outcome.carrier_code),
recorded AS (
  INSERT INTO attempt (message_id, number, carrier, outcome, reason, carrier_code, submit_time)
  SELECT message_id, attempts, carrier, outcome, reason, carrier_code, clock_timestamp()
    FROM back WHERE outcome > 0 AND attempts > 0
  ON CONFLICT DO NOTHING)
SELECT message_id FROM back;

-- name: doubt
-- Sets messages aside whose carrier may or may not have accepted them.
-- $1 owner, $2 ids, $3 fences, $4 seconds until the first look.
UPDATE dispatch d
   SET owner = NULL, lease_until = NULL, in_doubt_since = coalesce(d.in_doubt_since, clock_timestamp()),
       due_time = clock_timestamp() + make_interval(secs => $4)
  FROM unnest($2::uuid[], $3::int[]) AS doubtful (message_id, fence)
 WHERE d.message_id = doubtful.message_id AND d.fence = doubtful.fence AND d.owner IS NOT DISTINCT FROM $1
RETURNING d.message_id;

-- name: rescue
-- Takes messages from workers whose lease ran out: back to the queue where the carrier was not asked,
-- in doubt where it may have been. The fence moves on, so that the late worker's writes miss.
-- $1 most messages, $2 seconds until the first look at one in doubt.
UPDATE dispatch d
   SET owner = NULL, lease_until = NULL, fence = d.fence + 1,
       in_doubt_since = CASE WHEN d.submitting_time IS NOT NULL
                             THEN coalesce(d.in_doubt_since, clock_timestamp()) END,
       due_time = CASE WHEN d.submitting_time IS NOT NULL
                       THEN clock_timestamp() + make_interval(secs => $2) ELSE d.due_time END
 WHERE d.message_id = ANY (ARRAY(
         SELECT e.message_id FROM dispatch e
          WHERE e.owner IS NOT NULL AND e.lease_until < clock_timestamp()
          LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING d.message_id, d.submitting_time IS NOT NULL AS in_doubt;

-- name: release
-- Gives back, when a worker stops, what it had claimed but not begun to hand over.
UPDATE dispatch d SET owner = NULL, lease_until = NULL
 WHERE d.message_id = ANY (ARRAY(
         SELECT e.message_id FROM dispatch e
          WHERE e.owner = $1 AND e.submitting_time IS NULL FOR UPDATE SKIP LOCKED))
RETURNING d.message_id;

-- name: claim_in_doubt
-- Leases messages in doubt that are due for another look, with what a look-up needs. A message that is
-- Sent or further already has had a receipt. $1 most messages, $2 owner, $3 seconds of lease.
WITH leased AS (
  UPDATE dispatch d
     SET owner = $2, lease_until = clock_timestamp() + make_interval(secs => $3), fence = d.fence + 1
   WHERE d.message_id = ANY (ARRAY(
           SELECT e.message_id FROM dispatch e
            WHERE e.in_doubt_since IS NOT NULL AND e.owner IS NULL AND e.due_time <= clock_timestamp()
            ORDER BY e.due_time LIMIT $1 FOR UPDATE SKIP LOCKED))
  RETURNING d.*)
SELECT leased.message_id, leased.fence, leased.attempts, leased.failures, leased.submitting_time,
       extract(epoch FROM clock_timestamp() - leased.in_doubt_since)::float8 AS doubt_age,
       leased.valid_until, number.e164 AS sender, number.carrier, m.phone, body.text AS body,
       coalesce(mass.resend_unknown_outcome, false) AS resend_unknown_outcome,
       EXISTS (SELECT 1 FROM attempt a WHERE a.message_id = leased.message_id AND a.outcome = 5) AS resent,
       m.status > 2 AS receipt_seen
  FROM leased
  JOIN message m ON m.id = leased.message_id
  JOIN body ON body.id = m.body_id
  JOIN sending_number number ON number.id = leased.sending_number_id
  LEFT JOIN mass_message mass ON mass.id = leased.mass_message_id;

-- name: known_carrier_ids
-- Lists the carrier's ids that are already somebody's among the messages to one number, so that a
-- look-up does not take one text for another.
SELECT a.carrier_message_id
  FROM message m JOIN attempt a ON a.message_id = m.id
 WHERE m.phone = $1 AND a.carrier_message_id IS NOT NULL AND a.submit_time >= $2;

-- name: bodies
-- Reads the texts of messages about to be handed over.
SELECT id, text FROM body WHERE id = ANY ($1::uuid[]);

-- name: queue_depth
-- Counts what is outstanding, for the metrics. Runs once every few seconds, never for each message.
SELECT count(*) FILTER (WHERE owner IS NULL AND in_doubt_since IS NULL) AS ready,
       count(*) FILTER (WHERE owner IS NOT NULL) AS leased,
       count(*) FILTER (WHERE in_doubt_since IS NOT NULL) AS in_doubt
  FROM dispatch;
