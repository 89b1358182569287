-- name: suppress
-- Suppresses a number for every instance, clears its opt-ins and records each clearing, together.
-- $1 number, $2 how it was learned, $3 who said so, $4 the words.
WITH suppressed AS (
  INSERT INTO suppression (e164, source) VALUES ($1, $2) ON CONFLICT DO NOTHING),
replaced AS (
  DELETE FROM suppression s WHERE s.e164 = $1 AND s.instance_id IS NOT NULL),
cleared AS (
  UPDATE phone_number p SET sms_opt_in = false, cleared_by_stop = true, version = p.version + 1
   WHERE p.e164 = $1 AND p.sms_opt_in
  RETURNING p.id, p.instance_id, p.contact_id)
INSERT INTO consent_event (instance_id, contact_id, phone_number_id, e164, kind, source, actor, evidence, occur_time)
SELECT cleared.instance_id, cleared.contact_id, cleared.id, $1, 2, $2, $3, $4, clock_timestamp() FROM cleared;

-- name: suppress_many
-- Does the same for many numbers at once. Tells how many were new, and how many opt-ins were cleared.
-- $1 numbers, $2 how it was learned, $3 who said so, $4 the words.
WITH suppressed AS (
  INSERT INTO suppression (e164, source)
  SELECT given.e164, $2 FROM unnest($1::text[]) AS given (e164) ORDER BY given.e164
      ON CONFLICT DO NOTHING
  RETURNING e164),
replaced AS (
  DELETE FROM suppression s WHERE s.e164 = ANY ($1) AND s.instance_id IS NOT NULL),
opted_in AS MATERIALIZED (
  SELECT p.id FROM phone_number p WHERE p.e164 = ANY ($1) AND p.sms_opt_in ORDER BY p.id FOR UPDATE),
cleared AS (
  UPDATE phone_number p SET sms_opt_in = false, cleared_by_stop = true, version = p.version + 1
    FROM opted_in WHERE p.id = opted_in.id
  RETURNING p.id, p.instance_id, p.contact_id, p.e164),
recorded AS (
  INSERT INTO consent_event (instance_id, contact_id, phone_number_id, e164, kind, source, actor, evidence,
                             occur_time)
  SELECT c.instance_id, c.contact_id, c.id, c.e164, 2, $2, $3, $4, clock_timestamp() FROM cleared c
  RETURNING id)
SELECT (SELECT count(*) FROM suppressed) AS suppressed, (SELECT count(*) FROM recorded) AS cleared;
