-- name: add
-- The first process to need a key makes it; the others find it there.
INSERT INTO signing_key (purpose, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: get
-- A statement of its own, since the one that waited for another's insert does not see its row.
SELECT secret FROM signing_key WHERE purpose = $1;
