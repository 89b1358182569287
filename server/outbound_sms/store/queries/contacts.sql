-- name: insert
-- In the order given, so that ids and rows lie in the order of the file.
INSERT INTO contact (id, instance_id, account_id, network_site_id, vendor_id, name, role, is_primary,
                     language, time_zone, email_address, message_category_ids)
SELECT n.id, $1, n.account_id, n.network_site_id, n.vendor_id, n.name, n.role, n.is_primary,
       n.language, n.time_zone, n.email_address, n.message_category_ids
  FROM jsonb_to_recordset($2::jsonb) AS n(
       id uuid, account_id uuid, network_site_id uuid, vendor_id uuid, name text, role text,
       is_primary boolean, language text, time_zone text, email_address text,
       message_category_ids uuid[]);

-- name: update
-- Only rows that still have the version that was read; the caller compares the count.
UPDATE contact c
   SET name = n.name, role = n.role, is_primary = n.is_primary, language = n.language,
       time_zone = n.time_zone, email_address = n.email_address,
       message_category_ids = n.message_category_ids, version = c.version + 1
  FROM jsonb_to_recordset($2::jsonb) AS n(
       id uuid, version int, name text, role text, is_primary boolean, language text,
       time_zone text, email_address text, message_category_ids uuid[])
 WHERE c.id = n.id AND c.version = n.version AND c.instance_id = $1 AND c.delete_time IS NULL
RETURNING c.id;

-- name: clear_primary
-- An account has one primary contact; the flag leaves the other before this one gets it.
UPDATE contact SET is_primary = false, version = version + 1
 WHERE instance_id = $1 AND account_id = $2 AND is_primary AND delete_time IS NULL
   AND id IS DISTINCT FROM $3::uuid;

-- name: get
-- One contact that is not deleted.
SELECT * FROM contact WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL;

-- name: get_for_update
-- Locked, so that nobody changes it between the check of its version and the update.
SELECT * FROM contact WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL FOR NO KEY UPDATE;

-- name: list
-- Filters that are not given are NULL.
SELECT c.* FROM contact c
 WHERE c.instance_id = $1 AND c.delete_time IS NULL
   AND ($2::uuid IS NULL OR c.id > $2)
   AND ($3::uuid IS NULL OR c.account_id = $3)
   AND ($4::text IS NULL OR c.id IN (
        SELECT p.contact_id FROM phone_number p WHERE p.e164 = $4 AND p.instance_id = $1))
 ORDER BY c.id LIMIT $5;

-- name: of_accounts
-- All contacts of some accounts, oldest first. One look-up in contact_account for each account: the
-- other conditions stay behind OFFSET 0, because the planner, which has no statistics of a table that
-- is being filled, would use contact_list for them and so read all contacts of the instance.
SELECT c.*
  FROM unnest($2::uuid[]) AS asked(id)
 CROSS JOIN LATERAL (
       SELECT * FROM contact
        WHERE contact.account_id = asked.id OFFSET 0) c
 WHERE c.instance_id = $1 AND c.delete_time IS NULL
 ORDER BY c.id;

-- name: delete
-- The row stays, so that sent messages keep the name of their recipient.
UPDATE contact SET delete_time = clock_timestamp(), is_primary = false, version = version + 1
 WHERE instance_id = $1 AND id = $2 AND delete_time IS NULL;
