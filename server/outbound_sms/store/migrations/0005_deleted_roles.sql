-- A role that is deleted stays as a row, so that the keys that had it, all of which have ended, keep it.
ALTER TABLE role ADD COLUMN delete_time timestamptz;
ALTER TABLE role DROP CONSTRAINT role_name_unique;
CREATE UNIQUE INDEX role_name_unique ON role (instance_id, name) WHERE delete_time IS NULL;
CREATE INDEX api_key_role ON api_key (role_id) WHERE revoke_time IS NULL;          -- find_working_key
