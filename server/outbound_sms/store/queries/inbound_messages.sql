-- name: list_unclassified
-- Texts that are no keyword (meaning 4), newest first, with the instance's contacts that have the number.
SELECT m.id, m.e164, m.sending_number_id, m.body, m.receive_time,
       ARRAY (SELECT DISTINCT p.contact_id FROM phone_number p
               WHERE p.e164 = m.e164 AND p.instance_id = m.instance_id ORDER BY p.contact_id) AS contact_ids
  FROM inbound_message m
 WHERE m.instance_id = $1 AND m.meaning = 4 AND ($2::uuid IS NULL OR m.id < $2)
 ORDER BY m.id DESC LIMIT $3;
