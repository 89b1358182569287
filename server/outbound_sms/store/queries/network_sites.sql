-- name: add
-- Names that exist keep their row; sorted, so that two callers wait for each other in one direction.
INSERT INTO network_site (instance_id, name)
SELECT $1, asked.name FROM (SELECT DISTINCT unnest($2::text[]) AS name) asked ORDER BY asked.name
ON CONFLICT (instance_id, name) DO NOTHING;

-- name: find
-- By exact name.
SELECT id, name FROM network_site WHERE instance_id = $1 AND name = ANY ($2::text[]);

-- name: which_exist
-- Ids come from callers; those of other instances must look like ids that nobody has.
SELECT id FROM network_site WHERE instance_id = $1 AND id = ANY ($2::uuid[]);

-- name: list_names
-- Oldest first, to find the names that a file spells in another way.
SELECT id, name FROM network_site WHERE instance_id = $1 ORDER BY id;

-- name: list
-- The accounts behind each site are counted for one page only.
SELECT s.id, s.name,
       (SELECT count(*) FROM account a
         WHERE a.instance_id = $1 AND a.network_site_ids @> ARRAY[s.id]) AS accounts
  FROM network_site s
 WHERE s.instance_id = $1 AND ($2::uuid IS NULL OR s.id > $2)
 ORDER BY s.id LIMIT $3;
