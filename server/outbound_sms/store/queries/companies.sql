-- name: insert
-- Version and times come from the database.
INSERT INTO company (instance_id, name, country, language, customer_portal_url, enabled, is_default)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING *;

-- name: update
-- The row was locked and its version checked, so every column can be written.
UPDATE company
   SET name = $3, country = $4, language = $5, customer_portal_url = $6, enabled = $7,
       is_default = $8, version = version + 1
 WHERE instance_id = $1 AND id = $2
RETURNING *;

-- name: clear_default
-- The flag is exclusive: it leaves the company that has it before another gets it.
UPDATE company SET is_default = false, version = version + 1
 WHERE instance_id = $1 AND is_default AND id IS DISTINCT FROM $2::uuid;

-- name: get
-- One company.
SELECT * FROM company WHERE instance_id = $1 AND id = $2;

-- name: get_for_update
-- Locked, so that nobody changes it between the check of its version and the update.
SELECT * FROM company WHERE instance_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: list
-- Ids are UUIDv7, so their order is that of creation.
SELECT * FROM company
 WHERE instance_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: list_names
-- The few names of an instance, oldest first, to find those that a file means.
SELECT id, name, is_default FROM company WHERE instance_id = $1 ORDER BY id;

-- name: which_exist
-- Ids come from callers; those of other instances must look like ids that nobody has.
SELECT id FROM company WHERE instance_id = $1 AND id = ANY ($2::uuid[]);

-- name: get_default
-- Accounts that name no company belong to it.
SELECT id FROM company WHERE instance_id = $1 AND is_default;

-- name: list_departments
-- What the departments of several companies answer on.
SELECT cd.company_id, cd.department_id, cd.phone_number, cd.email_address
  FROM company_department cd
 WHERE cd.instance_id = $1 AND cd.company_id = ANY ($2::uuid[])
 ORDER BY cd.company_id, cd.department_id;

-- name: set_department
-- Nothing is written unless company and department are both of the instance.
INSERT INTO company_department (instance_id, company_id, department_id, phone_number, email_address)
SELECT $1, c.id, d.id, $4, $5
  FROM company c, department d
 WHERE c.instance_id = $1 AND c.id = $2 AND d.instance_id = $1 AND d.id = $3
ON CONFLICT (company_id, department_id)
DO UPDATE SET phone_number = excluded.phone_number, email_address = excluded.email_address
RETURNING company_id, department_id, phone_number, email_address;
