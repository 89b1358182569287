-- name: insert
-- Version and times come from the database.
INSERT INTO signature (instance_id, name, department_id, template, mass_default, triggered_default)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING id, name, department_id, template, mass_default, triggered_default, version, create_time;

-- name: update
-- The row was locked and its version checked, so every column can be written.
UPDATE signature
   SET name = $3, department_id = $4, template = $5, mass_default = $6, triggered_default = $7,
       version = version + 1
 WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL
RETURNING id, name, department_id, template, mass_default, triggered_default, version, create_time;

-- name: get
-- Deleted signatures stay for the mass messages that were sent with them, and are nobody else's.
SELECT id, name, department_id, template, mass_default, triggered_default, version, create_time
  FROM signature WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL;

-- name: get_for_update
-- Locked, so that nobody changes it between the check of its version and the update.
SELECT id, name, department_id, template, mass_default, triggered_default, version, create_time
  FROM signature WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL FOR NO KEY UPDATE;

-- name: get_for_reference
-- Locked against its deletion, and against nothing else that refers to it.
SELECT id FROM signature WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL FOR SHARE;

-- name: get_mass_default
-- What a mass message is closed by that names no signature.
SELECT id, name, department_id, template, mass_default, triggered_default, version, create_time
  FROM signature WHERE instance_id = $1 AND mass_default AND delete_time IS NULL;

-- name: list
-- Oldest first.
SELECT id, name, department_id, template, mass_default, triggered_default, version, create_time
  FROM signature
 WHERE instance_id = $1 AND delete_time IS NULL AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: lock_defaults
-- One default at a time moves in an instance: two calls that both set one take turns.
SELECT id FROM instance WHERE id = $1 FOR NO KEY UPDATE;

-- name: take_defaults
-- Takes the flags that another signature is about to get; those who lost one have a new version.
UPDATE signature
   SET mass_default = mass_default AND NOT $3, triggered_default = triggered_default AND NOT $4,
       version = version + 1
 WHERE instance_id = $1 AND delete_time IS NULL AND ($2::uuid IS NULL OR id <> $2)
   AND ((mass_default AND $3) OR (triggered_default AND $4));

-- name: find_user
-- A triggered message that would be left without its signature; the oldest, to be told of.
SELECT id FROM triggered_message
 WHERE instance_id = $1 AND signature_id = $2 AND delete_time IS NULL
 ORDER BY id LIMIT 1;

-- name: delete
-- Kept as a row, so that sent mass messages keep their signature; its name and its flags become free.
UPDATE signature SET delete_time = now(), version = version + 1
 WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL;

-- name: list_answers
-- What a department answers on in each company that is enabled, or in the companies of $3 alone.
SELECT c.id AS company_id, c.name AS company_name, d.name AS department_name, a.phone_number, a.email_address
  FROM company c
  JOIN department d ON d.id = $2 AND d.instance_id = c.instance_id
  LEFT JOIN company_department a ON a.company_id = c.id AND a.department_id = d.id
 WHERE c.instance_id = $1 AND c.enabled AND ($3::uuid[] IS NULL OR c.id = ANY ($3))
 ORDER BY c.id;
