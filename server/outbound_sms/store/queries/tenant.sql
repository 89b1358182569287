-- name: serve
-- Makes row level security show the rows of one instance, or none for an empty text. For the whole session:
-- a transaction that is rolled back must not give it back to somebody else.
SELECT set_config('app.instance_id', $1, false);
