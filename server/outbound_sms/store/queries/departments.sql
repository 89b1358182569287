-- name: insert
-- A department is only a name; what it answers on belongs to a company.
INSERT INTO department (instance_id, name) VALUES ($1, $2) RETURNING id, name;

-- name: get
-- One department.
SELECT id, name FROM department WHERE instance_id = $1 AND id = $2;

-- name: list
-- Oldest first.
SELECT id, name FROM department
 WHERE instance_id = $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: delete_answers
-- What companies answer on goes with the department.
DELETE FROM company_department WHERE instance_id = $1 AND department_id = $2;

-- name: forget_in_deleted_signatures
-- A deleted signature stays for the messages that were sent with it, and needs its department no more.
UPDATE signature SET department_id = NULL
 WHERE instance_id = $1 AND department_id = $2 AND delete_time IS NOT NULL;

-- name: delete
-- Fails while a signature refers to it.
DELETE FROM department WHERE instance_id = $1 AND id = $2 RETURNING id;
