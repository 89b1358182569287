-- name: ready_groups
-- Lists each group of messages that waits and has one that is due, by a loose index scan: one probe for
-- each, however long the queue. A group is what quiet hours hold or release together. `wait` is the time
-- in seconds until the rate of its sending number allows the next hand-over; after the clock was set back
-- that cannot be known before a claim has written the time down anew. While an instance waits for a top-up
-- only its answers to keywords go, which are free.
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
  JOIN balance ON balance.instance_id = waiting.instance_id
 WHERE waiting.due_time <= clock_timestamp() AND number.enabled AND instance.sms_enabled
   AND (waiting.priority = 0 OR coalesce(balance.waits_until <= clock_timestamp(), true));

-- name: claim
-- Leases the next messages of some sending numbers, as many as the rate of each allows, group after group,
-- and holds the price of each that has none held. Fails those whose number has replied STOP and triggered
-- ones that lost their opt-in, and drops those that a late receipt has shown to be sent. The money of an
-- instance goes to its messages in their order: the first that cannot be paid and those after it become
-- Insufficient funds, or stay where they are while an automatic top-up is open.
-- The rate rows and then the balances are the only locks that are waited for, each in the order of their
-- ids; whoever changes messages first and money then waits for nobody here. MATERIALIZED keeps the planner
-- from running a limited subquery twice. A message has one segment at least, so no more of them are looked
-- at than the rate has segments.
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
  SELECT number.instance_id, number.e164, number.carrier, number.tokens, next.*
    FROM number CROSS JOIN LATERAL (
      SELECT waiting.*, wanted.place
        FROM unnest($1::uuid[], $2::smallint[], $3::text[])
             WITH ORDINALITY AS wanted (sending_number_id, priority, zones, place)
       CROSS JOIN LATERAL (
         SELECT q.message_id, q.sending_number_id, q.segments, q.priority, q.due_time, q.valid_until,
                q.cost_micros, q.held
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
fund AS MATERIALIZED (
  SELECT b.instance_id, b.available_micros FROM balance b
   WHERE b.instance_id = ANY (ARRAY (SELECT instance_id FROM candidate))
   ORDER BY b.instance_id FOR UPDATE),
wanted AS MATERIALIZED (
  SELECT seen.*, fund.available_micros, to_pay.price,
         sum(to_pay.price) OVER (PARTITION BY seen.instance_id
                                 ORDER BY seen.place, seen.due_time, seen.message_id) AS price_so_far
    FROM seen JOIN fund ON fund.instance_id = seen.instance_id
   CROSS JOIN LATERAL (SELECT CASE WHEN seen.held THEN 0 ELSE seen.cost_micros END AS price) to_pay
   WHERE NOT seen.ended AND seen.reason IS NULL AND seen.before < seen.tokens),
leased AS (
  UPDATE dispatch d
     SET owner = $5, lease_until = clock_timestamp() + make_interval(secs => $6), fence = d.fence + 1,
         held = wanted.cost_micros IS NOT NULL
    FROM wanted
   WHERE d.message_id = wanted.message_id
     AND (coalesce(wanted.price, 0) = 0 OR wanted.price_so_far <= wanted.available_micros)
  RETURNING d.message_id, d.fence, d.segments, d.failures, wanted.instance_id, wanted.sending_number_id,
            wanted.e164, wanted.carrier, wanted.phone, wanted.body_id, wanted.valid_until, wanted.priority,
            wanted.due_time, wanted.place, CASE WHEN NOT wanted.held THEN wanted.cost_micros END AS to_hold),
spent AS (
  UPDATE sending_rate r
     SET tokens = number.tokens - coalesce(
           (SELECT sum(leased.segments) FROM leased WHERE leased.sending_number_id = number.id), 0),
         refill_time = clock_timestamp()
    FROM number WHERE r.sending_number_id = number.id),
held AS (
  INSERT INTO ledger_entry (instance_id, kind, message_id, amount_micros)
  SELECT instance_id, 2, message_id, to_hold FROM leased WHERE to_hold IS NOT NULL),
remaining AS (
  SELECT fund.instance_id,
         fund.available_micros - coalesce(
           (SELECT sum(leased.to_hold) FROM leased WHERE leased.instance_id = fund.instance_id), 0) AS micros,
         EXISTS (SELECT FROM wanted
                  WHERE wanted.instance_id = fund.instance_id AND wanted.price > 0
                    AND wanted.price_so_far > wanted.available_micros) AS short
    FROM fund),
topped_up AS MATERIALIZED (
  SELECT remaining.instance_id, remaining.short,
         open_automatic_top_up(remaining.instance_id, remaining.micros::bigint, remaining.short) AS wait_until
    FROM remaining JOIN auto_buy ON auto_buy.instance_id = remaining.instance_id
   WHERE auto_buy.enabled AND (remaining.short OR remaining.micros < auto_buy.threshold_micros)),
waits AS (
  UPDATE balance b SET waits_until = topped_up.wait_until
    FROM topped_up
   WHERE b.instance_id = topped_up.instance_id
     AND topped_up.short AND topped_up.wait_until > clock_timestamp()),
unpaid AS (
  SELECT wanted.message_id FROM wanted
   WHERE wanted.price > 0 AND wanted.price_so_far > wanted.available_micros
     AND NOT EXISTS (SELECT FROM topped_up
                      WHERE topped_up.instance_id = wanted.instance_id
                        AND topped_up.wait_until > clock_timestamp())),
stopping AS MATERIALIZED (
  SELECT m.id, m.status, stop.new_status, stop.reason
    FROM (SELECT message_id, 5 AS new_status, reason FROM seen WHERE ended OR reason IS NOT NULL
          UNION ALL
          SELECT message_id, 6, NULL FROM unpaid) stop
    JOIN message m ON m.id = stop.message_id
   ORDER BY m.id FOR UPDATE OF m SKIP LOCKED),
stopped AS (
  DELETE FROM dispatch d USING stopping WHERE d.message_id = stopping.id
  RETURNING d.*, stopping.status, stopping.new_status),
resolved AS (
  INSERT INTO ledger_entry (instance_id, kind, message_id, amount_micros)
  SELECT instance_id, CASE WHEN status > 2 THEN 3 ELSE 4 END, message_id, cost_micros FROM stopped WHERE held),
parked AS (
  INSERT INTO unfunded (message_id, instance_id, sending_number_id, mass_message_id, priority, zones, segments,
                        cost_micros, valid_until)
  SELECT message_id, instance_id, sending_number_id, mass_message_id, priority, zones, segments, cost_micros,
         valid_until
    FROM stopped WHERE new_status = 6),
ended AS (
  UPDATE message m SET status = stopping.new_status, version = m.version + 1, reject_reason = stopping.reason
    FROM stopping WHERE m.id = stopping.id AND stopping.status IN (1, 2)
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version, m.status, m.reject_reason,
            stopping.status AS previous_status),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status, reject_reason)
  SELECT instance_id, id, mass_message_id, version, status, previous_status, reject_reason FROM ended)
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
-- What was held is captured when the carrier took the message, and released when it did not. A message
-- that a receipt has moved on already keeps its status; the carrier took it, by whichever attempt, so its
-- price is captured. That is read under the lock of the message, before the change. The ids come sorted:
-- everything that changes several messages does so in id order. IS NOT DISTINCT FROM keeps the planner to the primary
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
  RETURNING d.message_id, d.instance_id, d.cost_micros, d.held, d.attempts, d.submitting_time,
            outcome.status, outcome.reason, outcome.carrier, outcome.outcome, outcome.carrier_message_id,
            outcome.carrier_code),
refused AS MATERIALIZED (
  SELECT m.id, m.status FROM done JOIN message m ON m.id = done.message_id
   WHERE done.status = 5 ORDER BY m.id FOR UPDATE OF m),
paid AS (
  INSERT INTO ledger_entry (instance_id, kind, message_id, amount_micros)
  SELECT done.instance_id, CASE WHEN refused.status <= 2 THEN 4 ELSE 3 END, done.message_id, done.cost_micros
    FROM done LEFT JOIN refused ON refused.id = done.message_id WHERE done.held),
changed AS (
  UPDATE message m SET status = done.status, version = m.version + 1, reject_reason = done.reason
    FROM done
   WHERE m.id = done.message_id AND m.status = 2
     AND (done.status <> 5 OR done.message_id IN (SELECT refused.id FROM refused))
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
-- one they keep their place. Their price stays held.
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
