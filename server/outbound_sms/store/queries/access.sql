-- name: create_instance
-- Tenants are made by the operator of the service, never through a tenant's own key.
INSERT INTO instance (name, country, currency, time_zone, default_language)
VALUES ($1, $2, $3, $4, $5)
RETURNING id, name, country, currency, time_zone;

-- name: create_message_categories
-- Contacts for whom no categories are named get the default ones, so there must be some.
INSERT INTO message_category (instance_id, name, is_default)
SELECT $1, c.name, true FROM unnest($2::text[]) WITH ORDINALITY AS c (name, place) ORDER BY c.place;

-- name: create_role
-- Its name is unique in the instance (role_name_unique).
INSERT INTO role (instance_id, name, permissions, super_admin)
VALUES ($1, $2, $3, $4)
RETURNING id, name, permissions, super_admin;

-- name: get_role
-- Another instance's roles are not told apart from none.
SELECT id, name, permissions, super_admin FROM role WHERE instance_id = $1 AND id = $2;

-- name: list_roles
-- Ids grow with time, so this is oldest first.
SELECT id, name, permissions, super_admin FROM role
 WHERE instance_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: create_api_key
-- Only the hash of the secret is kept.
INSERT INTO api_key (instance_id, role_id, name, lookup_id, secret_hash, expire_time)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING id, name, role_id, expire_time, revoke_time, create_time;

-- name: list_api_keys
-- Ids grow with time, so this is oldest first.
SELECT id, name, role_id, expire_time, revoke_time, create_time FROM api_key
 WHERE instance_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: revoke_api_key
-- A second revocation leaves the time of the first.
UPDATE api_key SET revoke_time = coalesce(revoke_time, clock_timestamp())
 WHERE instance_id = $1 AND id = $2
RETURNING id, name, role_id, expire_time, revoke_time, create_time;

-- name: find_key
-- The one query without an instance: it is the key that says which instance is meant.
SELECT k.instance_id, k.id AS api_key_id, k.name, k.secret_hash, r.permissions, r.super_admin,
       k.expire_time, k.revoke_time
  FROM api_key k JOIN role r ON r.id = k.role_id
 WHERE k.lookup_id = $1;

-- name: list_ended_keys
-- Asked every few seconds for the keys of all open streams at once. A key that is gone has ended too.
SELECT asked.id FROM unnest($1::uuid[]) AS asked (id)
 WHERE NOT EXISTS (
   SELECT 1 FROM api_key k
    WHERE k.id = asked.id AND k.revoke_time IS NULL
      AND (k.expire_time IS NULL OR k.expire_time > clock_timestamp()));
