-- name: insert
-- Fails when the name is taken.
INSERT INTO message_category (instance_id, name, is_default) VALUES ($1, $2, $3)
RETURNING id, name, is_default;

-- name: add
-- Those that an import names and that do not exist; sorted, as in every insert of several names.
INSERT INTO message_category (instance_id, name)
SELECT $1, asked.name FROM (SELECT DISTINCT unnest($2::text[]) AS name) asked ORDER BY asked.name
ON CONFLICT (instance_id, name) DO NOTHING;

-- name: give_to_all
-- Contacts that exist get it too; one with as many as it may have keeps those.
UPDATE contact SET message_category_ids = message_category_ids || $2::uuid, version = version + 1
 WHERE instance_id = $1 AND delete_time IS NULL
   AND NOT message_category_ids @> ARRAY[$2::uuid] AND cardinality(message_category_ids) < $3;

-- name: list
-- Oldest first.
SELECT id, name, is_default FROM message_category
 WHERE instance_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: list_names
-- Names of an instance, oldest first, to find those that a file means.
SELECT id, name, is_default FROM message_category WHERE instance_id = $1 ORDER BY id;

-- name: list_defaults
-- What a contact gets for whom none are named.
SELECT id FROM message_category WHERE instance_id = $1 AND is_default ORDER BY id;

-- name: which_exist
-- Ids come from callers; those of other instances must look like ids that nobody has.
SELECT id FROM message_category WHERE instance_id = $1 AND id = ANY ($2::uuid[]);
