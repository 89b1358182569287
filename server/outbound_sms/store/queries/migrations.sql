-- name: lock
-- Lets one process migrate at a time; the others wait, and then find nothing left to do.
SELECT pg_advisory_lock($1);

-- name: unlock
-- The lock belongs to the session, so it has to be given back.
SELECT pg_advisory_unlock($1);

-- name: create_table
-- The list of what was applied is older than every migration.
CREATE TABLE IF NOT EXISTS schema_migration (
  number     int PRIMARY KEY,
  name       text NOT NULL,
  checksum   text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- name: list_applied
-- In the order in which they were applied.
SELECT number, name, checksum FROM schema_migration ORDER BY number;

-- name: no_statement_timeout
-- Building an index on a large table takes as long as it takes.
SELECT set_config('statement_timeout', '0', true);

-- name: short_lock_timeout
-- A migration that waits for a table makes everybody else wait behind it, so it gives up soon.
SELECT set_config('lock_timeout', '10s', true);

-- name: record
-- In the migration's own transaction: it is applied and recorded, or neither.
INSERT INTO schema_migration (number, name, checksum) VALUES ($1, $2, $3);
