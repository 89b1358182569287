-- How instances pay, and whether they top up by themselves.

-- name: lock_balance
-- Before any change, as the claim does: settings do not change between a decision and its top-up.
SELECT available_micros FROM balance WHERE instance_id = $1 FOR UPDATE;

-- name: get
-- Settings with what is in the way of a top-up that is wanted: the rules of open_automatic_top_up. Of two
-- caps the monthly one is told, which lasts longer; a decline last, because changing the settings ends it.
-- One is wanted below the threshold, and while texts lie about that could not be paid.
SELECT a.enabled, a.threshold_micros, a.amount_micros, a.daily_cap_micros, a.monthly_cap_micros, a.customer,
       a.payment_method, a.version,
       CASE WHEN NOT a.enabled OR bought.open THEN NULL
            WHEN b.available_micros >= a.threshold_micros AND NOT EXISTS (
                   SELECT FROM unfunded u WHERE u.instance_id = $1 AND u.valid_until > clock_timestamp()) THEN NULL
            WHEN bought.month + a.amount_micros > a.monthly_cap_micros THEN 2
            WHEN bought.day + a.amount_micros > a.daily_cap_micros THEN 1
            WHEN bought.failed THEN 3 END AS obstacle
  FROM auto_buy a
  JOIN balance b ON b.instance_id = a.instance_id
  JOIN instance i ON i.id = a.instance_id
  CROSS JOIN LATERAL (
    SELECT date_trunc('day', clock_timestamp() AT TIME ZONE i.time_zone) AT TIME ZONE i.time_zone AS today,
           date_trunc('month', clock_timestamp() AT TIME ZONE i.time_zone) AT TIME ZONE i.time_zone AS this_month
  ) begun
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.amount_micros) FILTER (
             WHERE t.state < 4 AND t.create_time >= begun.today), 0) AS day,
           coalesce(sum(t.amount_micros) FILTER (
             WHERE t.state < 4 AND t.create_time >= begun.this_month), 0) AS month,
           coalesce(bool_or(t.state < 3), false) AS open,
           coalesce(bool_or(t.state = 4 AND t.finish_time > greatest(
             clock_timestamp() - interval '1 hour', a.update_time)), false) AS failed
      FROM top_up t
     WHERE t.instance_id = $1 AND t.automatic
       AND (t.create_time >= begun.this_month - interval '1 day' OR t.state IN (1, 2))
  ) bought
 WHERE a.instance_id = $1;

-- name: write
-- The balance is locked, so that nobody else writes the row. Defaults count as version 1.
INSERT INTO auto_buy (instance_id, enabled, threshold_micros, amount_micros, daily_cap_micros,
                      monthly_cap_micros, customer, payment_method, version, update_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 2, clock_timestamp())
ON CONFLICT (instance_id) DO UPDATE
   SET enabled = excluded.enabled, threshold_micros = excluded.threshold_micros,
       amount_micros = excluded.amount_micros, daily_cap_micros = excluded.daily_cap_micros,
       monthly_cap_micros = excluded.monthly_cap_micros, customer = excluded.customer,
       payment_method = excluded.payment_method, version = auto_buy.version + 1,
       update_time = clock_timestamp();

-- name: list_wanted
-- Instances below their threshold with no automatic top-up open. The caps and the hour after a decline are
-- left to the function, which decides with the balance locked.
SELECT a.instance_id FROM auto_buy a JOIN balance b ON b.instance_id = a.instance_id
 WHERE a.enabled AND b.available_micros < a.threshold_micros
   AND NOT EXISTS (SELECT FROM top_up t
                    WHERE t.instance_id = a.instance_id AND t.automatic AND t.state IN (1, 2))
 ORDER BY a.instance_id;

-- name: open
-- The balance is locked first: a function in the list of a locking SELECT would run before the lock.
WITH locked AS MATERIALIZED (
  SELECT b.instance_id, b.available_micros FROM balance b WHERE b.instance_id = $1 FOR UPDATE)
SELECT open_automatic_top_up(l.instance_id, l.available_micros, false) FROM locked l;
