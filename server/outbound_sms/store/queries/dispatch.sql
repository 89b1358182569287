-- name: ready_groups
-- Lists each group of messages that waits and has one that is due, by a loose index scan: one probe for
-- each, however long the queue. A group is what quiet hours hold or release together. `wait` is the time
-- in seconds until the rate of its sending number allows the next hand-over; after the clock was set back
-- that cannot be known before a claim has written the time down anew.
WITH RECURSIVE waiting AS (
  (SELECT d.instance_id, d.sending_number_id, d.priority, d.zones, d.due_time FROM dispatch d
    WHERE d.owner IS NULL AND d.in_doubt_since IS NULL
    ORDER BY d.instance_id, d.sending_number_id, d.priority, d.zones, d.due_time LIMIT 1)
  UNION ALL
  SELECT following.*
    FROM waiting CROSS JOIN LATERAL (
      SELECT d.instance_id, d.sending_number_id, d.priority, d.zones, d.due_time FROM dispatch d
       WHERE d.owner IS NULL AND d.in_doubt_since IS NULL
         AND (d.instance_id, d.sending_number_id, d.priority, d.zones)
             > (waiting.instance_id, waiting.sending_number_id, waiting.priority, waiting.zones)
       ORDER BY d.instance_id, d.sending_number_id, d.priority, d.zones, d.due_time LIMIT 1) following)
SELECT instance.quiet_start, instance.quiet_end, instance.quiet_mode, instance.time_zone,
       instance.version AS settings_version,
       waiting.instance_id, waiting.sending_number_id, waiting.priority, waiting.zones, waiting.due_time,
       number.carrier,
       CASE WHEN rate.refill_time > clock_timestamp() THEN 0
            ELSE greatest(0, - (rate.tokens + extract(epoch FROM clock_timestamp() - rate.refill_time)
                                              * number.segments_per_second) / number.segments_per_second)
       END::float8 AS wait,
       clock_timestamp() AS now
  FROM waiting
  JOIN sending_number number ON number.id = waiting.sending_number_id
  JOIN sending_rate rate ON rate.sending_number_id = waiting.sending_number_id
  JOIN instance ON instance.id = waiting.instance_id
 WHERE waiting.due_time <= clock_timestamp() AND number.enabled AND instance.sms_enabled;

-- name: claim
-- Leases the next messages of some sending numbers, as many as the rate of each allows, group after group.
-- Fails those whose number has replied STOP and triggered ones that lost their opt-in, and drops those that
-- a late receipt has shown to be sent. The rate rows are the only locks that are waited for; they are taken
-- in id order. MATERIALIZED keeps the planner from running a limited subquery twice. A message has one
-- segment at least, so no more of them are looked at than the rate has segments.
-- Groups in parallel, those of a number in the order in which they are to go: $1 sending numbers,
-- $2 priorities, $3 zones. $4 most messages of each number, $5 owner, $6 seconds of lease.
WITH number AS MATERIALIZED (
  SELECT n.id, n.instance_id, n.e164, n.carrier, n.segments_per_second,
         least(n.segments_per_second,
               r.tokens + greatest(extract(epoch FROM clock_timestamp() - r.refill_time), 0)
                          * n.segments_per_second) AS tokens
    FROM sending_rate r JOIN sending_number n ON n.id = r.sending_number_id
   WHERE r.sending_number_id = ANY ($1::uuid[])
   ORDER BY r.sending_number_id FOR UPDATE OF r),
candidate AS MATERIALIZED (
  SELECT number.e164, number.carrier, number.tokens, next.*
    FROM number CROSS JOIN LATERAL (
      SELECT waiting.*, wanted.place
        FROM unnest($1::uuid[], $2::smallint[], $3::text[])
             WITH ORDINALITY AS wanted (sending_number_id, priority, zones, place)
       CROSS JOIN LATERAL (
         SELECT q.message_id, q.sending_number_id, q.segments, q.priority, q.due_time, q.valid_until
           FROM dispatch q
          WHERE q.instance_id = number.instance_id AND q.sending_number_id = number.id
            AND q.priority = wanted.priority AND q.zones = wanted.zones
            AND q.owner IS NULL AND q.in_doubt_since IS NULL
            AND q.due_time <= now() AND q.valid_until > clock_timestamp()
            AND coalesce(q.mass_message_id NOT IN (
                  SELECT mm.id FROM mass_message mm WHERE mm.finish_time IS NULL AND mm.state IN (3, 4)), true)
          ORDER BY q.due_time, q.message_id
          LIMIT least($4, ceil(number.tokens))::bigint FOR UPDATE SKIP LOCKED) waiting
       WHERE wanted.sending_number_id = number.id
       ORDER BY wanted.place
       LIMIT least($4, ceil(number.tokens))::bigint) next
   WHERE number.tokens > 0),
seen AS (
  SELECT candidate.*, m.phone, m.body_id, m.status > 2 AS ended,
         CASE WHEN suppression.e164 IS NOT NULL AND m.kind <> 3 THEN 'POLICY.OPTED_OUT'
              WHEN m.kind <> 2 THEN NULL
              WHEN NOT EXISTS (
                SELECT FROM phone_number p
                  JOIN contact c ON c.id = p.contact_id
                  JOIN phone_number_type t ON t.id = p.phone_number_type_id
                 WHERE p.contact_id = m.contact_id AND p.e164 = m.phone
                   AND p.sms_opt_in AND c.delete_time IS NULL AND t.sms_capable) THEN 'POLICY.NO_CONSENT'
         END AS reason,
         sum(candidate.segments) OVER (
           PARTITION BY candidate.sending_number_id
           ORDER BY candidate.place, candidate.due_time, candidate.message_id) - candidate.segments AS before
    FROM candidate
    JOIN message m ON m.id = candidate.message_id
    LEFT JOIN suppression ON suppression.e164 = m.phone),
leased AS (
  UPDATE dispatch d
     SET owner = $5, lease_until = clock_timestamp() + make_interval(secs => $6), fence = d.fence + 1
    FROM seen
   WHERE d.message_id = seen.message_id AND NOT seen.ended AND seen.reason IS NULL AND seen.before < seen.tokens
  RETURNING d.message_id, d.fence, d.segments, d.failures, seen.sending_number_id, seen.e164, seen.carrier,
            seen.phone, seen.body_id, seen.valid_until, seen.priority, seen.due_time, seen.place),
spent AS (
  UPDATE sending_rate r
     SET tokens = number.tokens - coalesce(
           (SELECT sum(leased.segments) FROM leased WHERE leased.sending_number_id = number.id), 0),
         refill_time = clock_timestamp()
    FROM number WHERE r.sending_number_id = number.id),
stopped AS (
  DELETE FROM dispatch d USING seen
   WHERE d.message_id = seen.message_id AND (seen.ended OR seen.reason IS NOT NULL)
  RETURNING d.message_id, seen.reason),
before_stop AS MATERIALIZED (
  SELECT m.id, m.status, stopped.reason FROM stopped JOIN message m ON m.id = stopped.message_id
   ORDER BY m.id FOR UPDATE OF m),
failed AS (
  UPDATE message m SET status = 5, version = m.version + 1, reject_reason = before_stop.reason
    FROM before_stop WHERE m.id = before_stop.id AND before_stop.status IN (1, 2)
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version, m.reject_reason,
            before_stop.status AS previous_status),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status, reject_reason)
  SELECT instance_id, id, mass_message_id, version, 5, previous_status, reject_reason FROM failed)
SELECT place, message_id, fence, failures, carrier, e164 AS sender, phone, body_id, segments, valid_until
  FROM leased ORDER BY priority, due_time, message_id;

-- name: intend
-- Records, just before the carrier is asked, that it may have been. A row comes back only if the lease
-- will outlast the call, nothing has ended the message since the claim (a STOP, or a late receipt), and,
-- of a message that quiet hours may hold, the time is still one that was found free of them and the
-- settings are those that it was found by.
-- In parallel: $1 message ids, $2 fences, $5 versions of the instance (NULL: never held), $6 and $7 from when
-- until when it is not quiet, $8 what is kept as the proof of that. $3 owner, $4 seconds that the lease
-- must still have.
WITH wanted AS (
  SELECT * FROM unnest($1::uuid[], $2::int[], $5::int[], $6::timestamptz[], $7::timestamptz[], $8::text[])
    AS wanted (message_id, fence, settings_version, open_since, open_until, quiet_check)),
intended AS (
  UPDATE dispatch d SET submitting_time = clock_timestamp(), attempts = d.attempts + 1
    FROM wanted
   WHERE d.message_id = wanted.message_id AND d.fence = wanted.fence AND d.owner IS NOT DISTINCT FROM $3
     AND d.lease_until > clock_timestamp() + make_interval(secs => $4)
     AND NOT EXISTS (SELECT 1 FROM message m LEFT JOIN suppression s ON s.e164 = m.phone
                      WHERE m.id = wanted.message_id
                        AND (m.status > 2 OR (s.e164 IS NOT NULL AND m.kind <> 3)))
     AND CASE WHEN wanted.settings_version IS NULL THEN true
              ELSE wanted.settings_version = (SELECT i.version FROM instance i WHERE i.id = d.instance_id)
                   AND clock_timestamp() >= wanted.open_since AND clock_timestamp() < wanted.open_until END
  RETURNING d.message_id, d.attempts, wanted.settings_version, wanted.quiet_check),
changed AS (
  UPDATE message m SET status = 2, version = m.version + 1, quiet_check = intended.quiet_check
    FROM intended WHERE m.id = intended.message_id AND m.status = 1
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version),
checked_again AS (
  UPDATE message m SET quiet_check = intended.quiet_check
    FROM intended
   WHERE intended.settings_version IS NOT NULL AND m.id = intended.message_id AND m.status = 2
     AND m.quiet_check IS DISTINCT FROM intended.quiet_check),
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
-- Returns messages that surely did not reach the carrier to the queue, due again after a pause; without
-- one they keep their place.
-- $1 owner, then in parallel: ids, fences, seconds of pause, failures to add, carriers, outcomes,
-- reasons, carrier codes. Outcome 0 stands for no hand-over at all: no attempt is recorded.
WITH outcome AS (
  SELECT * FROM unnest($2::uuid[], $3::int[], $4::float8[], $5::smallint[], $6::text[], $7::smallint[],
                       $8::text[], $9::text[])
    AS outcome (message_id, fence, pause, failures, carrier, outcome, reason, carrier_code)),
back AS (
  UPDATE dispatch d
     SET owner = NULL, lease_until = NULL, submitting_time = NULL, in_doubt_since = NULL,
         due_time = CASE WHEN outcome.pause > 0 THEN clock_timestamp() + make_interval(secs => outcome.pause)
                         ELSE d.due_time END,
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

-- name: bodies
-- Reads the texts of messages about to be handed over.
SELECT id, text FROM body WHERE id = ANY ($1::uuid[]);

-- name: queue_depth
-- Counts what is outstanding, for the metrics. Runs once every few seconds, never for each message.
SELECT count(*) FILTER (WHERE owner IS NULL AND in_doubt_since IS NULL) AS ready,
       count(*) FILTER (WHERE owner IS NOT NULL) AS leased,
       count(*) FILTER (WHERE in_doubt_since IS NOT NULL) AS in_doubt
  FROM dispatch;
