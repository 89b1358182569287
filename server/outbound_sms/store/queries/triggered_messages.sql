-- name: insert
-- Version and times come from the database. The name is unique among those that are not deleted.
INSERT INTO triggered_message
  (instance_id, name, enabled, trigger_type, count, job_type, signature_id, sending_number_id,
   allow_child_accounts, message_category_ids)
VALUES ($1, $2, $3, $4, $5, nullif($6, ''), $7, $8, $9, $10)
RETURNING id, name, enabled, trigger_type, count, coalesce(job_type, '') AS job_type, signature_id,
          sending_number_id, allow_child_accounts, message_category_ids, version, create_time;

-- name: get
-- Deleted ones stay for the texts that they made, and are nobody else's.
SELECT id, name, enabled, trigger_type, count, coalesce(job_type, '') AS job_type, signature_id,
       sending_number_id, allow_child_accounts, message_category_ids, version, create_time
  FROM triggered_message WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL;

-- name: get_for_update
-- Locked, so that nobody changes it between the check of its version and the update.
SELECT id, name, enabled, trigger_type, count, coalesce(job_type, '') AS job_type, signature_id,
       sending_number_id, allow_child_accounts, message_category_ids, version, create_time
  FROM triggered_message WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL FOR NO KEY UPDATE;

-- name: list
-- Oldest first; of one trigger type, or of any when $4 is NULL.
SELECT id, name, enabled, trigger_type, count, coalesce(job_type, '') AS job_type, signature_id,
       sending_number_id, allow_child_accounts, message_category_ids, version, create_time
  FROM triggered_message
 WHERE instance_id = $1 AND delete_time IS NULL AND ($2::uuid IS NULL OR id > $2)
   AND ($4::text IS NULL OR trigger_type = $4)
 ORDER BY id LIMIT $3;

-- name: list_for_types
-- All that some trigger types may set off, oldest first: what a batch of events is matched with. An
-- instance has few, so those of other types are passed over rather than kept in an index of their own.
SELECT id, name, enabled, trigger_type, count, coalesce(job_type, '') AS job_type, signature_id,
       sending_number_id, allow_child_accounts, message_category_ids, version, create_time
  FROM triggered_message
 WHERE instance_id = $1 AND delete_time IS NULL AND trigger_type = ANY ($2::text[])
 ORDER BY id;

-- name: update
-- The row was locked and its version checked, so every column can be written; all but the trigger type.
UPDATE triggered_message
   SET name = $3, enabled = $4, count = $5, job_type = nullif($6, ''), signature_id = $7,
       sending_number_id = $8, allow_child_accounts = $9, message_category_ids = $10,
       version = version + 1
 WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL
RETURNING id, name, enabled, trigger_type, count, coalesce(job_type, '') AS job_type, signature_id,
          sending_number_id, allow_child_accounts, message_category_ids, version, create_time;

-- name: delete
-- Kept as a row, so that its texts keep their name; its own name becomes free.
UPDATE triggered_message SET delete_time = clock_timestamp(), version = version + 1
 WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL
RETURNING id;
