-- name: record
-- Append only: events are never changed. A time that is not given is now.
INSERT INTO consent_event (instance_id, contact_id, phone_number_id, e164, kind, source, actor,
                           evidence, occur_time)
SELECT $1, n.contact_id, n.phone_number_id, n.e164, n.kind, n.source, $2, n.evidence,
       coalesce(n.occur_time, clock_timestamp())
  FROM jsonb_to_recordset($3::jsonb) AS n(
       contact_id uuid, phone_number_id uuid, e164 text, kind smallint, source smallint,
       evidence text, occur_time timestamptz);

-- name: opt_outs
-- When numbers last opted out, at all and other than by an import (source 7).
SELECT asked.e164, last.latest, last.latest_outside_imports
  FROM unnest($2::text[]) AS asked(e164)
 CROSS JOIN LATERAL (
       SELECT max(e.occur_time) AS latest,
              max(e.occur_time) FILTER (WHERE e.source <> 7) AS latest_outside_imports
         FROM consent_event e
        WHERE e.instance_id = $1 AND e.e164 = asked.e164 AND e.kind = 2) last
 WHERE last.latest IS NOT NULL;

-- name: list
-- Newest first.
SELECT e.id, e.contact_id, p.id AS phone_number_id, e.e164, e.kind, e.source, e.actor, e.evidence,
       e.occur_time, e.create_time
  FROM consent_event e LEFT JOIN phone_number p ON p.id = e.phone_number_id
 WHERE e.instance_id = $1
   AND ($2::uuid IS NULL OR e.id < $2)
   AND ($3::text IS NULL OR e.e164 = $3)
 ORDER BY e.id DESC LIMIT $4;

-- name: last
-- The newest event of an instance.
SELECT id FROM consent_event WHERE instance_id = $1 ORDER BY id DESC LIMIT 1;

-- name: list_forward
-- Oldest first. $2 id after which to go on, $3 the last, $4 number, $5 recorded from, $6 until before.
SELECT e.id, e.contact_id, p.id AS phone_number_id, e.e164, e.kind, e.source, e.actor, e.evidence,
       e.occur_time, e.create_time
  FROM consent_event e LEFT JOIN phone_number p ON p.id = e.phone_number_id
 WHERE e.instance_id = $1
   AND ($2::uuid IS NULL OR e.id > $2)
   AND e.id <= $3
   AND ($4::text IS NULL OR e.e164 = $4)
   AND ($5::timestamptz IS NULL OR e.create_time >= $5)
   AND ($6::timestamptz IS NULL OR e.create_time < $6)
 ORDER BY e.id LIMIT $7;

-- name: list_suppressions
-- Newest first; only of numbers that a contact of the instance has, and that stop this instance.
SELECT s.e164, s.source, s.create_time
  FROM suppression s
 WHERE (s.instance_id IS NULL OR s.instance_id = $1)
   AND ($2::timestamptz IS NULL OR (s.create_time, s.e164) < ($2, $3::text))
   AND EXISTS (SELECT 1 FROM phone_number p WHERE p.e164 = s.e164 AND p.instance_id = $1)
 ORDER BY s.create_time DESC, s.e164 DESC LIMIT $4;

-- name: now
-- The database's clock decides what the future is.
SELECT clock_timestamp();
