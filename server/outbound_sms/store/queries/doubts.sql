-- name: doubt
-- Sets messages aside whose carrier may or may not have accepted them.
-- $1 owner, $2 ids, $3 fences, $4 seconds until the first look.
UPDATE dispatch d
   SET owner = NULL, lease_until = NULL, in_doubt_since = coalesce(d.in_doubt_since, clock_timestamp()),
       due_time = clock_timestamp() + make_interval(secs => $4)
  FROM unnest($2::uuid[], $3::int[]) AS doubtful (message_id, fence)
 WHERE d.message_id = doubtful.message_id AND d.fence = doubtful.fence AND d.owner IS NOT DISTINCT FROM $1
RETURNING d.message_id;

-- name: claim_in_doubt
-- Leases messages in doubt that are due for another look, with what a look-up needs: the carrier is the one
-- that was called, whatever the number has now. A message that is
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
       leased.valid_until, coalesce(leased.sender, number.e164) AS sender,
       coalesce(leased.carrier, number.carrier) AS carrier, m.phone, body.text AS body,
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
