-- name: get
-- The settings live in the instance's own row, of which there is always one.
SELECT name AS instance_name, sms_enabled AS enabled, time_zone, billing_rule, default_language,
       segment_price_micros, currency, version
  FROM instance WHERE id = $1;

-- name: update
-- NULL leaves a setting as it is. No row means that the version is not the one that was read.
UPDATE instance
   SET sms_enabled = coalesce($3, sms_enabled),
       time_zone = coalesce($4, time_zone),
       billing_rule = coalesce($5, billing_rule),
       default_language = coalesce($6, default_language),
       version = version + 1
 WHERE id = $1 AND ($2::integer IS NULL OR version = $2)
RETURNING name AS instance_name, sms_enabled AS enabled, time_zone, billing_rule, default_language,
          segment_price_micros, currency, version;
