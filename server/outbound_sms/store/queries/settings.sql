-- name: get
-- The settings live in the instance's own row, of which there is always one.
SELECT name AS instance_name, sms_enabled AS enabled, time_zone, billing_rule, default_language,
       segment_price_micros, currency, version, quiet_start, quiet_end, quiet_mode, country,
       data_center, platform, clock_timestamp() AS read_time
  FROM instance WHERE id = $1;

-- name: update
-- NULL leaves a setting as it is; quiet hours change, or end, where $7 says so. No row means that the
-- version is not the one that was read.
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
RETURNING name AS instance_name, sms_enabled AS enabled, time_zone, billing_rule, default_language,
          segment_price_micros, currency, version, quiet_start, quiet_end, quiet_mode, country,
          data_center, platform, clock_timestamp() AS read_time;
