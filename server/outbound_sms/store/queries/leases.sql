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

-- name: shorten
-- Cuts leases that are longer than any can be: the clock was set back after they were taken. Whoever
-- works under one keeps it for the whole of its real length, and one whose worker is gone runs out.
-- $1 seconds that a lease lasts, $2 seconds that none does, $3 most leases.
UPDATE dispatch d SET lease_until = clock_timestamp() + make_interval(secs => $1)
 WHERE d.message_id = ANY (ARRAY(
         SELECT e.message_id FROM dispatch e
          WHERE e.owner IS NOT NULL AND e.lease_until > clock_timestamp() + make_interval(secs => $2)
          LIMIT $3 FOR UPDATE SKIP LOCKED))
RETURNING d.message_id;

-- name: release
-- Gives back, when a worker stops, what it had claimed but not begun to hand over.
UPDATE dispatch d SET owner = NULL, lease_until = NULL
 WHERE d.message_id = ANY (ARRAY(
         SELECT e.message_id FROM dispatch e
          WHERE e.owner = $1 AND e.submitting_time IS NULL FOR UPDATE SKIP LOCKED))
RETURNING d.message_id;
