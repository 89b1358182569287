-- name: get
-- The balance, what waits for it, and what automatic top-ups may still bring by the rules of
-- open_automatic_top_up: within the caps of the instance's day and month, and not soon after a failure.
SELECT b.available_micros,
       (SELECT coalesce(sum(d.cost_micros), 0)::bigint
          FROM dispatch d
         WHERE d.instance_id = $1 AND d.owner IS NULL AND d.in_doubt_since IS NULL AND NOT d.held)
         AS queued_cost_micros,
       coalesce(a.enabled, false) AS auto_buy,
       CASE WHEN a.enabled AND NOT bought.failed THEN a.amount_micros ELSE 0 END AS top_up_micros,
       bought.open AS open_micros,
       coalesce(a.daily_cap_micros, 0) - bought.day AS daily_left_micros,
       coalesce(a.monthly_cap_micros, 0) - bought.month AS monthly_left_micros
  FROM balance b
  JOIN instance i ON i.id = b.instance_id
  LEFT JOIN auto_buy a ON a.instance_id = b.instance_id
 CROSS JOIN LATERAL (
    SELECT date_trunc('day', clock_timestamp() AT TIME ZONE i.time_zone) AT TIME ZONE i.time_zone AS today,
           date_trunc('month', clock_timestamp() AT TIME ZONE i.time_zone) AT TIME ZONE i.time_zone
             AS this_month) begun
 CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.amount_micros) FILTER (
             WHERE t.state < 4 AND t.create_time >= begun.today), 0)::bigint AS day,
           coalesce(sum(t.amount_micros) FILTER (
             WHERE t.state < 4 AND t.create_time >= begun.this_month), 0)::bigint AS month,
           coalesce(sum(t.amount_micros) FILTER (WHERE t.state < 3), 0)::bigint AS open,
           coalesce(bool_or(t.state = 4 AND t.finish_time > greatest(
             clock_timestamp() - interval '1 hour', a.update_time)), false) AS failed
      FROM top_up t
     WHERE t.instance_id = $1 AND t.automatic
       AND (t.create_time >= begun.this_month - interval '1 day' OR t.state < 3)) bought
 WHERE b.instance_id = $1;
