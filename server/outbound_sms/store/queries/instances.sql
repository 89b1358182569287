-- name: create
-- Whether it sends is decided where it is made: it starts sending wherever it may.
INSERT INTO instance (name, country, currency, time_zone, default_language, data_center, sms_enabled)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING id, name, country, currency, time_zone, default_language, data_center, sms_enabled, platform,
          version, create_time;

-- name: create_message_categories
-- Contacts for whom no categories are named get the default ones, so there must be some.
INSERT INTO message_category (instance_id, name, is_default)
SELECT $1, c.name, true FROM unnest($2::text[]) WITH ORDINALITY AS c (name, place) ORDER BY c.place;

-- name: create_platform
-- There is one at most (instance_one_platform); a second call makes none and returns no row.
INSERT INTO instance (name, country, currency, time_zone, sms_enabled, platform)
VALUES ($1, $2, $3, $4, false, true)
ON CONFLICT (platform) WHERE platform DO NOTHING
RETURNING id, name, country, currency, time_zone, default_language, data_center, sms_enabled, platform,
          version, create_time;

-- name: get_platform
-- The operator's own instance.
SELECT id, name, country, currency, time_zone, default_language, data_center, sms_enabled, platform,
       version, create_time
  FROM instance WHERE platform;

-- name: get
-- Any instance, the platform's too: a caller's own.
SELECT id, name, country, currency, time_zone, default_language, data_center, sms_enabled, platform,
       version, create_time
  FROM instance WHERE id = $1;

-- name: get_for_update
-- Locked, so that its own administrators do not switch sending on between the check and the update.
SELECT id, name, country, currency, time_zone, default_language, data_center, sms_enabled, platform,
       version, create_time
  FROM instance WHERE id = $1 FOR NO KEY UPDATE;

-- name: list
-- Tenants; ids grow with time, so this is oldest first.
SELECT id, name, country, currency, time_zone, default_language, data_center, sms_enabled, platform,
       version, create_time
  FROM instance WHERE NOT platform AND ($1::uuid IS NULL OR id > $1)
 ORDER BY id LIMIT $2;

-- name: update
-- The row was locked and its version checked. Currency, time zone and language are not the operator's to change.
UPDATE instance SET name = $2, country = $3, data_center = $4, version = version + 1
 WHERE id = $1
RETURNING id, name, country, currency, time_zone, default_language, data_center, sms_enabled, platform,
          version, create_time;
