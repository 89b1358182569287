-- name: get
-- The settings live in the instance's own row, of which there is always one; the prices are those in force
-- at the moment of reading. OFFSET 0 asks for the clock and for the price list once.
SELECT i.name AS instance_name, i.sms_enabled AS enabled, i.time_zone, i.billing_rule, i.default_language,
       i.currency, i.version, i.quiet_start, i.quiet_end, i.quiet_mode, i.country, i.data_center, i.platform,
       b.low_funds_threshold_micros, moment.read_time, l.version AS price_version,
       nullif(l.effective_time, '-infinity') AS price_effective_time, l.create_time AS price_create_time, s.*
  FROM instance i
  JOIN balance b ON b.instance_id = i.id
 CROSS JOIN LATERAL (SELECT i.currency, clock_timestamp() AS read_time OFFSET 0) moment
 CROSS JOIN LATERAL (
    SELECT price_list_in_force(moment.currency, moment.read_time) AS version OFFSET 0) in_force
  LEFT JOIN price_list l ON l.version = in_force.version
 CROSS JOIN LATERAL (
    SELECT array_agg(p.country) AS price_countries, array_agg(p.encoding) AS price_encodings,
           array_agg(p.price_micros) AS price_micros
      FROM segment_price p WHERE p.version = in_force.version) s
 WHERE i.id = $1;

-- name: update
-- NULL leaves a setting as it is; quiet hours change, or end, where $7 says so. $11 is kept with the balance,
-- where each change of the money is compared with it. No row means that the version is not the one that was
-- read.
WITH changed AS (
  UPDATE instance
     SET sms_enabled = coalesce($3, sms_enabled),
         time_zone = coalesce($4, time_zone),
         billing_rule = coalesce($5, billing_rule),
         default_language = coalesce($6, default_language),
         quiet_start = CASE WHEN $7 THEN $8 ELSE quiet_start END,
         quiet_end = CASE WHEN $7 THEN $9 ELSE quiet_end END,
         quiet_mode = coalesce($10, quiet_mode),
         version = version + 1
   WHERE id = $1 AND ($2::integer IS NULL OR version = $2)
  RETURNING *),
threshold AS (
  UPDATE balance b SET low_funds_threshold_micros = $11
    FROM changed WHERE b.instance_id = changed.id AND $11::bigint IS NOT NULL
  RETURNING b.low_funds_threshold_micros AS micros)
SELECT i.name AS instance_name, i.sms_enabled AS enabled, i.time_zone, i.billing_rule, i.default_language,
       i.currency, i.version, i.quiet_start, i.quiet_end, i.quiet_mode, i.country, i.data_center, i.platform,
       coalesce(threshold.micros, b.low_funds_threshold_micros) AS low_funds_threshold_micros,
       moment.read_time, l.version AS price_version,
       nullif(l.effective_time, '-infinity') AS price_effective_time, l.create_time AS price_create_time, s.*
  FROM changed i
  JOIN balance b ON b.instance_id = i.id
  LEFT JOIN threshold ON true
 CROSS JOIN LATERAL (SELECT i.currency, clock_timestamp() AS read_time OFFSET 0) moment
 CROSS JOIN LATERAL (
    SELECT price_list_in_force(moment.currency, moment.read_time) AS version OFFSET 0) in_force
  LEFT JOIN price_list l ON l.version = in_force.version
 CROSS JOIN LATERAL (
    SELECT array_agg(p.country) AS price_countries, array_agg(p.encoding) AS price_encodings,
           array_agg(p.price_micros) AS price_micros
      FROM segment_price p WHERE p.version = in_force.version) s;
