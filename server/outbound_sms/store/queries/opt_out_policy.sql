-- name: get
-- The one row is made by the migration.
SELECT scope FROM opt_out_policy;

-- name: set
-- Acts on the next STOP. What is suppressed already stays so for whom it was.
UPDATE opt_out_policy SET scope = $1;
