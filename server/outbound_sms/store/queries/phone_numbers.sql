-- name: insert
-- In the order given.
INSERT INTO phone_number (id, instance_id, contact_id, e164, country, extension,
                          phone_number_type_id, sms_opt_in)
SELECT n.id, $1, n.contact_id, n.e164, n.country, n.extension, n.phone_number_type_id, n.sms_opt_in
  FROM jsonb_to_recordset($2::jsonb) AS n(
       id uuid, contact_id uuid, e164 text, country text, extension text,
       phone_number_type_id uuid, sms_opt_in boolean);

-- name: update
-- Only rows that still have the version that was read; the caller compares the count. An opt-in that
-- somebody sets is no longer one that STOP cleared.
UPDATE phone_number p
   SET extension = n.extension, phone_number_type_id = n.phone_number_type_id,
       sms_opt_in = n.sms_opt_in,
       cleared_by_stop = p.cleared_by_stop AND p.sms_opt_in = n.sms_opt_in,
       version = p.version + 1
  FROM jsonb_to_recordset($2::jsonb) AS n(
       id uuid, version int, extension text, phone_number_type_id uuid, sms_opt_in boolean)
 WHERE p.id = n.id AND p.version = n.version AND p.instance_id = $1
RETURNING p.id;

-- name: of_contacts
-- With whether the instance may not text the number, whoever it is of. One look-up for each contact, for the reason
-- that contacts.of_accounts has.
SELECT p.*, EXISTS (SELECT FROM suppression s
                     WHERE s.e164 = p.e164 AND (s.instance_id IS NULL OR s.instance_id = $1)) AS suppressed
  FROM unnest($2::uuid[]) AS asked(id)
 CROSS JOIN LATERAL (
       SELECT * FROM phone_number WHERE phone_number.contact_id = asked.id OFFSET 0) p
 WHERE p.instance_id = $1
 ORDER BY p.id;

-- name: get_for_update
-- Locked before its suppression is read: STOP, which writes both, is then over or has yet to come.
SELECT p.* FROM phone_number p
 WHERE p.instance_id = $1 AND p.id = $2 FOR NO KEY UPDATE;

-- name: suppressed
-- Which of the numbers ($2) the instance ($1) may not text, because they replied STOP to it or to everybody.
SELECT DISTINCT s.e164 FROM suppression s
 WHERE s.e164 = ANY ($2::text[]) AND (s.instance_id IS NULL OR s.instance_id = $1);

-- name: delete
-- Consent events keep the number; nothing else does.
DELETE FROM phone_number WHERE instance_id = $1 AND id = $2 RETURNING id;

-- name: delete_of_contact
-- A deleted contact has no numbers.
DELETE FROM phone_number WHERE instance_id = $1 AND contact_id = $2;
