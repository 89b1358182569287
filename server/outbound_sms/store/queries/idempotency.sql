-- name: claim
-- Waits for another call with the same request_id to end: when that one commits nothing is inserted
-- here, and when it rolls back this one goes on in its place.
INSERT INTO idempotency (instance_id, method, request_id, fingerprint)
VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
RETURNING true;

-- name: get_answer
-- What was answered before; the fingerprint tells a repeat from another request.
SELECT fingerprint, response FROM idempotency
 WHERE instance_id = $1 AND method = $2 AND request_id = $3;

-- name: set_answer
-- In the transaction of the effect, so that neither exists without the other.
UPDATE idempotency SET response = $4
 WHERE instance_id = $1 AND method = $2 AND request_id = $3;

-- name: forget_old_answers
-- A few at a time, oldest first, so that cleaning never holds up the calls.
DELETE FROM idempotency
 WHERE ctid = ANY (ARRAY (
   SELECT ctid FROM idempotency
    WHERE create_time < clock_timestamp() - $1::interval
    ORDER BY create_time LIMIT $2));
