-- name: add
-- Names that exist keep their row; sorted, so that two callers wait for each other in one direction.
INSERT INTO vendor (instance_id, name)
SELECT $1, asked.name FROM (SELECT DISTINCT unnest($2::text[]) AS name) asked ORDER BY asked.name
ON CONFLICT (instance_id, name) DO NOTHING;

-- name: find
-- By exact name.
SELECT id, name FROM vendor WHERE instance_id = $1 AND name = ANY ($2::text[]);

-- name: which_exist
-- Ids come from callers; those of other instances must look like ids that nobody has.
SELECT id FROM vendor WHERE instance_id = $1 AND id = ANY ($2::uuid[]);

-- name: list
-- Oldest first.
SELECT id, name FROM vendor
 WHERE instance_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;
