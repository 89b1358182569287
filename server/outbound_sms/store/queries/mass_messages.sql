-- name: default_sending_number
-- What a mass message goes out from that names no number.
SELECT id FROM sending_number WHERE instance_id = $1 AND is_default AND enabled;

-- name: insert
-- Accepted at the transaction's time: who is created later is not meant any more.
INSERT INTO mass_message (instance_id, saved_message, signature_id, sending_number_id, outage_start_time,
                          outage_end_time, audience, resend_unknown_outcome, valid_until,
                          create_time, price_list_version)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, now() + $9::interval, now(), $10)
RETURNING id;

-- name: get
-- With its counts, which the tick keeps, and the rate of its number.
SELECT *, audience::text AS audience_text FROM mass_message_progress WHERE instance_id = $1 AND id = $2;

-- name: list
-- The same, newest first.
SELECT *, audience::text AS audience_text FROM mass_message_progress
 WHERE instance_id = $1 AND ($2::uuid IS NULL OR id < $2)
 ORDER BY id DESC LIMIT $3;

-- name: sent_lately
-- Texts of some mass messages that carriers accepted within the last seconds, from the feed.
SELECT e.mass_message_id, count(*) AS messages
  FROM feed f CROSS JOIN LATERAL unnest(f.mass_message_ids, f.statuses) e (mass_message_id, status)
 WHERE f.instance_id = $1 AND f.feed_time > clock_timestamp() - make_interval(secs => $3)
   AND e.status = 3 AND e.mass_message_id = ANY ($2::uuid[])
 GROUP BY e.mass_message_id;

-- name: lock_state
-- Locked, so that verbs and the expansion take turns.
SELECT state, expanded FROM mass_message WHERE instance_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: set_state
-- The queue has to hear of it: `queue_settled` tells whoever looks after the queue.
UPDATE mass_message SET state = $3, queue_settled = false WHERE instance_id = $1 AND id = $2;
