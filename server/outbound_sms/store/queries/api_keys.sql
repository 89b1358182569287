-- name: create
-- Only the hash of the secret is kept.
INSERT INTO api_key (instance_id, role_id, name, lookup_id, secret_hash, expire_time)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING id, name, role_id, expire_time, revoke_time, last_use_time, create_time;

-- name: get
-- Another instance's keys are not told apart from none.
SELECT id, name, role_id, expire_time, revoke_time, last_use_time, create_time
  FROM api_key WHERE instance_id = $1 AND id = $2;

-- name: list
-- Ids grow with time, so this is oldest first.
SELECT id, name, role_id, expire_time, revoke_time, last_use_time, create_time FROM api_key
 WHERE instance_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: revoke
-- A second revocation leaves the time of the first.
UPDATE api_key SET revoke_time = coalesce(revoke_time, clock_timestamp())
 WHERE instance_id = $1 AND id = $2
RETURNING id, name, role_id, expire_time, revoke_time, last_use_time, create_time;

-- name: expire
-- Never later than it would have, and no row for a key that has ended: nothing makes one work again.
UPDATE api_key SET expire_time = least(expire_time, clock_timestamp() + $3::interval)
 WHERE instance_id = $1 AND id = $2 AND revoke_time IS NULL
   AND (expire_time IS NULL OR expire_time > clock_timestamp())
RETURNING id, name, role_id, expire_time, revoke_time, last_use_time, create_time;

-- name: get_rights
-- What a key allows at this moment; no row when it has ended.
SELECT r.permissions, r.super_admin, i.platform AS platform_operator
  FROM api_key k JOIN role r ON r.id = k.role_id JOIN instance i ON i.id = k.instance_id
 WHERE k.instance_id = $1 AND k.id = $2 AND k.revoke_time IS NULL
   AND (k.expire_time IS NULL OR k.expire_time > clock_timestamp());

-- name: find
-- A query without an instance: it is the key that says which instance is meant.
SELECT k.instance_id, k.id AS api_key_id, k.name, k.secret_hash, r.permissions, r.super_admin,
       i.platform AS platform_operator, k.expire_time, k.revoke_time
  FROM api_key k JOIN role r ON r.id = k.role_id JOIN instance i ON i.id = k.instance_id
 WHERE k.lookup_id = $1;

-- name: list_rights
-- Asked every few seconds for the keys of all open streams, whatever their instances. A key that has
-- ended has none.
SELECT k.id, r.permissions, r.super_admin, i.platform AS platform_operator
  FROM api_key k JOIN role r ON r.id = k.role_id JOIN instance i ON i.id = k.instance_id
 WHERE k.id = ANY ($1::uuid[]) AND k.revoke_time IS NULL
   AND (k.expire_time IS NULL OR k.expire_time > clock_timestamp());

-- name: set_last_use
-- What a server has noted in the last minute, whatever the instances: $2 are seconds before now. Servers
-- note apart from each other, so a later use that another wrote stays.
UPDATE api_key k SET last_use_time = used.at
  FROM (SELECT a.id, clock_timestamp() - make_interval(secs => u.age) AS at
          FROM api_key a
          JOIN unnest($1::uuid[], $2::double precision[]) AS u (id, age) ON u.id = a.id
         ORDER BY a.id FOR NO KEY UPDATE OF a) AS used
 WHERE k.id = used.id AND (k.last_use_time IS NULL OR k.last_use_time < used.at);
