-- name: suppress
-- Suppresses the number, clears its opt-ins and records each clearing. True only if it was not suppressed
-- before. One that stops everybody takes the place of those that stopped one instance each. The instance that
-- was written to ($6; NULL: none was) has a record of it also when nobody of its contacts has the number.
-- $1 number, $2 how it was learned, $3 who said so, $4 the words, $5 the instance that is stopped, NULL for all.
WITH suppressed AS (
  INSERT INTO suppression (e164, source, instance_id)
  SELECT $1, $2, $5::uuid
   WHERE NOT EXISTS (SELECT FROM suppression s WHERE s.e164 = $1 AND s.instance_id IS NULL)
      ON CONFLICT DO NOTHING
  RETURNING e164),
replaced AS (
  DELETE FROM suppression s WHERE s.e164 = $1 AND $5 IS NULL AND s.instance_id IS NOT NULL),
cleared AS (
  UPDATE phone_number p SET sms_opt_in = false, cleared_by_stop = true, version = p.version + 1
   WHERE p.e164 = $1 AND p.sms_opt_in AND ($5 IS NULL OR p.instance_id = $5)
  RETURNING p.id, p.instance_id, p.contact_id),
recorded AS (
  INSERT INTO consent_event (instance_id, contact_id, phone_number_id, e164, kind, source, actor, evidence, occur_time)
  SELECT of.instance_id, of.contact_id, of.id, $1, 2, $2, $3, $4, clock_timestamp()
    FROM (SELECT instance_id, contact_id, id FROM cleared
          UNION ALL
          SELECT $6::uuid, NULL, NULL FROM suppressed
           WHERE $6 IS NOT NULL AND NOT EXISTS (SELECT FROM cleared WHERE cleared.instance_id = $6)) of)
SELECT EXISTS (SELECT FROM suppressed);

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
