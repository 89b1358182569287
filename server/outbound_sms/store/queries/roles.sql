-- name: lock
-- One change of roles and keys of an instance at a time: each looks at what the caller, the role and its
-- keys are now. Ends with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('access ' || $1::uuid::text, 0));

-- name: create
-- Its name is unique in the instance (role_name_unique).
INSERT INTO role (instance_id, name, permissions, super_admin)
VALUES ($1, $2, $3, $4)
RETURNING id, name, permissions, super_admin, version, NOT EXISTS (
  SELECT 1 FROM role f WHERE f.instance_id = $1 AND f.super_admin) AND super_admin AS locked;

-- name: get
-- Another instance's roles are not told apart from none. The first super-admin's role is locked.
SELECT id, name, permissions, super_admin, version, super_admin AND NOT EXISTS (
         SELECT 1 FROM role f WHERE f.instance_id = $1 AND f.super_admin AND f.id < r.id) AS locked
  FROM role r WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL;

-- name: get_first
-- The role that an instance is made with: its first super-admin's, which is never deleted.
SELECT id, name, permissions, super_admin, version, true AS locked
  FROM role WHERE instance_id = $1 AND super_admin ORDER BY id LIMIT 1;

-- name: list
-- Ids grow with time, so this is oldest first.
SELECT id, name, permissions, super_admin, version, super_admin AND NOT EXISTS (
         SELECT 1 FROM role f WHERE f.instance_id = $1 AND f.super_admin AND f.id < r.id) AS locked
  FROM role r
 WHERE instance_id = $1 AND delete_time IS NULL AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: update
-- Never of a locked role, so what is returned is not locked. Nobody else changes roles meanwhile (lock).
UPDATE role SET name = $3, permissions = $4, super_admin = $5, version = version + 1
 WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL
RETURNING id, name, permissions, super_admin, version, false AS locked;

-- name: find_working_key
-- A key of the role that has not ended.
SELECT id FROM api_key
 WHERE instance_id = $1 AND role_id = $2 AND revoke_time IS NULL
   AND (expire_time IS NULL OR expire_time > clock_timestamp())
 ORDER BY id LIMIT 1;

-- name: delete
-- Kept as a row for the keys that had it; its name becomes free.
UPDATE role SET delete_time = clock_timestamp(), version = version + 1
 WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL;
