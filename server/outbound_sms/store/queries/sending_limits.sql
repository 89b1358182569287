-- name: get
-- The limits of an instance and what has been counted, of the minute, day and hour that it is now. OFFSET 0
-- asks for the clock once. No row for an instance that does not exist.
SELECT l.per_minute AS messages_per_minute, l.per_day AS messages_per_day, l.spend_per_day AS spend_per_day_micros,
       l.per_number AS messages_per_number_per_day, l.per_prefix AS messages_per_prefix_per_hour,
       l.surge_multiple, l.version,
       counted.minute_messages, counted.day_messages, counted.day_spent, counted.hour_triggered,
       counted.usual_triggered, counted.surge_pause_time,
       sending_limits_reached(counted, moment.now) AS reached
  FROM sending_limit l
  JOIN instance i ON i.id = l.instance_id
 CROSS JOIN LATERAL (SELECT clock_timestamp() AS now OFFSET 0) moment
 CROSS JOIN LATERAL sending_limit_at(l, i.time_zone, moment.now) AS counted
 WHERE l.instance_id = $1;

-- name: update
-- The values have been checked; NULL leaves a limit as it is. The next claim finds out anew what is reached. No
-- row: another version than the one that was read ($2; NULL for any).
UPDATE sending_limit l
   SET per_minute = coalesce($3, l.per_minute), per_day = coalesce($4, l.per_day),
       spend_per_day = coalesce($5, l.spend_per_day), per_number = coalesce($6, l.per_number),
       per_prefix = coalesce($7, l.per_prefix), surge_multiple = coalesce($8, l.surge_multiple),
       version = l.version + 1, spend_reached = false,
       surge_pause_time = CASE WHEN $8 = 0 THEN NULL ELSE l.surge_pause_time END
 WHERE l.instance_id = $1 AND ($2::integer IS NULL OR l.version = $2)
RETURNING l.instance_id;

-- name: resume
-- Ends a pause of the triggered messages. None begins again before the hour is over.
UPDATE sending_limit
   SET surge_pause_time = NULL,
       surge_allowed_until = date_trunc('hour', clock_timestamp(), 'UTC') + interval '1 hour'
 WHERE instance_id = $1 AND surge_pause_time IS NOT NULL;

-- name: take_alerts
-- Limits that claims have run into, each told to one process only.
WITH taken AS (
  SELECT a.id FROM sending_alert a ORDER BY a.id LIMIT 100 FOR UPDATE SKIP LOCKED)
DELETE FROM sending_alert a USING taken WHERE a.id = taken.id
RETURNING a.instance_id, a.kind, a.messages;

-- name: forget
-- Forgets hours that count for nothing any more.
WITH hours AS (
  DELETE FROM triggered_hour h WHERE h.hour_start < clock_timestamp() - interval '8 days' RETURNING 1),
prefixes AS (
  DELETE FROM prefix_hour p WHERE p.hour_start < clock_timestamp() - interval '2 hours' RETURNING 1)
SELECT (SELECT count(*) FROM hours) + (SELECT count(*) FROM prefixes);

-- name: count_paused
-- How many instances have their triggered messages paused, for the metrics.
SELECT count(*) FROM sending_limit l WHERE l.surge_pause_time IS NOT NULL;
