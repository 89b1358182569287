-- name: insert
-- Version and times come from the database.
INSERT INTO phone_number_type (instance_id, name, sms_capable) VALUES ($1, $2, $3) RETURNING *;

-- name: update
-- The row was locked and its version checked, so every column can be written.
UPDATE phone_number_type SET name = $3, sms_capable = $4, version = version + 1
 WHERE instance_id = $1 AND id = $2
RETURNING *;

-- name: get_for_update
-- Locked, so that nobody changes it between the check of its version and the update.
SELECT * FROM phone_number_type WHERE instance_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: list
-- Oldest first.
SELECT * FROM phone_number_type
 WHERE instance_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: list_names
-- The few names of an instance, oldest first, to find those that a file means.
SELECT id, name FROM phone_number_type WHERE instance_id = $1 ORDER BY id;

-- name: which_exist
-- Ids come from callers; those of other instances must look like ids that nobody has.
SELECT id FROM phone_number_type WHERE instance_id = $1 AND id = ANY ($2::uuid[]);

-- name: delete
-- Fails while a phone number has the type.
DELETE FROM phone_number_type WHERE instance_id = $1 AND id = $2 RETURNING id;
