-- name: lock_instance
-- Two calls that make or move the default take turns, so that there is one at every moment.
SELECT 1 FROM instance WHERE id = $1 FOR NO KEY UPDATE;

-- name: clear_default
-- Before another number becomes the default, in the same transaction.
UPDATE sending_number SET is_default = false, version = version + 1
 WHERE instance_id = $1 AND is_default AND id IS DISTINCT FROM $2;

-- name: create
-- The first number is the default, so that sending works without naming one.
INSERT INTO sending_number
  (instance_id, e164, carrier, segments_per_second, keyword_replies, is_default, enabled,
   route_carriers, route_weights, route_senders)
VALUES ($1, $2, $3, $4, $5,
        $6 OR NOT EXISTS (SELECT 1 FROM sending_number WHERE instance_id = $1), $7, $8, $9, $10)
RETURNING id, e164, carrier, segments_per_second, keyword_replies, is_default, enabled, version,
          create_time, route_carriers, route_weights, route_senders;

-- name: create_rate
-- The bucket starts with what a second brings.
INSERT INTO sending_rate (sending_number_id, tokens) VALUES ($1, $2);

-- name: get
-- Another instance's numbers are not told apart from none.
SELECT id, e164, carrier, segments_per_second, keyword_replies, is_default, enabled, version,
       create_time, route_carriers, route_weights, route_senders
  FROM sending_number WHERE instance_id = $1 AND id = $2;

-- name: list
-- Ids grow with time, so this is oldest first.
SELECT id, e164, carrier, segments_per_second, keyword_replies, is_default, enabled, version,
       create_time, route_carriers, route_weights, route_senders
  FROM sending_number
 WHERE instance_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: update
-- NULL leaves a field as it is. No row means that there is no such number, or another version of it.
UPDATE sending_number
   SET carrier = coalesce($4, carrier),
       segments_per_second = coalesce($5, segments_per_second),
       keyword_replies = coalesce($6, keyword_replies),
       is_default = coalesce($7, is_default),
       enabled = coalesce($8, enabled),
       route_carriers = coalesce($9, route_carriers),
       route_weights = coalesce($10, route_weights),
       route_senders = coalesce($11, route_senders),
       version = version + 1
 WHERE instance_id = $1 AND id = $2 AND ($3::integer IS NULL OR version = $3)
RETURNING id, e164, carrier, segments_per_second, keyword_replies, is_default, enabled, version,
          create_time, route_carriers, route_weights, route_senders;
