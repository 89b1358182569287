-- name: find_accounts
-- Accounts of events, by id ($2) or account number ($3), each with all numbers that may be texted, in the
-- order of preference; a row without a number for one that has none. Who may be texted is what
-- mass_numbers says, and so is the order. The numbers of each account are looked up by themselves
-- (OFFSET 0 keeps the planner to it): joined at once, it might read those of everybody. IS TRUE and num_nonnulls
-- keep it from the index of all contacts of the instance, as in mass_contacts.
SELECT a.id, a.account_number, a.company_id, c.name AS company_name, c.enabled AS company_enabled,
       a.parent_account_id IS NOT NULL AS is_child, a.region,
       coalesce(n.language, a.language, c.language, i.default_language) AS language,
       n.contact_id, n.message_category_ids, n.time_zone, n.e164, n.country
  FROM (SELECT id, account_number, company_id, parent_account_id, region, language
          FROM account WHERE instance_id = $1 AND id = ANY ($2::uuid[])
        UNION
        SELECT id, account_number, company_id, parent_account_id, region, language
          FROM account WHERE instance_id = $1 AND account_number = ANY ($3::text[])) a
  JOIN company c ON c.id = a.company_id
  JOIN instance i ON i.id = $1
  LEFT JOIN LATERAL (
    SELECT k.id AS contact_id, k.message_category_ids, k.language, k.time_zone, k.is_primary,
           p.id AS phone_number_id, p.e164, p.country
      FROM contact k
      JOIN phone_number p ON p.contact_id = k.id
      JOIN phone_number_type t ON t.id = p.phone_number_type_id
     WHERE k.account_id = a.id AND (k.instance_id = $1) IS TRUE AND num_nonnulls(k.delete_time) = 0
       AND p.sms_opt_in AND t.sms_capable AND p.country IN ('US', 'CA')
       AND left(p.e164, 5) NOT IN ('+1900', '+1976')
       AND NOT EXISTS (SELECT FROM suppression s
                        WHERE s.e164 = p.e164 AND (s.instance_id IS NULL OR s.instance_id = $1))
    OFFSET 0) n ON true
 ORDER BY a.id, n.is_primary DESC, n.phone_number_id;

-- name: find_fired
-- What earlier events with the same keys made: $2 triggered messages and $3 event keys, in parallel. NULL
-- for keys that are free. Looked up one by one: a join might read all that are kept.
SELECT wanted.triggered_message_id, wanted.event_key,
       (SELECT f.message_ids FROM trigger_fire f
         WHERE f.instance_id = $1 AND f.triggered_message_id = wanted.triggered_message_id
           AND f.event_key = wanted.event_key) AS message_ids
  FROM unnest($2::uuid[], $3::text[]) AS wanted (triggered_message_id, event_key);

-- name: find_senders
-- How the texts of triggered messages ($2) are sent now to accounts of companies ($3), a row for each pair:
-- the sending number, if it is enabled, and the signature with what its department answers on there.
SELECT t.id AS triggered_message_id, c.id AS company_id, c.name AS company_name,
       n.id AS sending_number_id, s.template, d.name AS department_name, a.phone_number, a.email_address
  FROM triggered_message t
  JOIN company c ON c.instance_id = t.instance_id AND c.id = ANY ($3::uuid[])
  LEFT JOIN sending_number n ON n.instance_id = t.instance_id AND n.enabled
    AND CASE WHEN t.sending_number_id IS NULL THEN n.is_default ELSE n.id = t.sending_number_id END
  LEFT JOIN signature s ON s.instance_id = t.instance_id AND s.delete_time IS NULL
    AND CASE WHEN t.signature_id IS NULL THEN s.triggered_default ELSE s.id = t.signature_id END
  LEFT JOIN department d ON d.id = s.department_id
  LEFT JOIN company_department a ON a.company_id = c.id AND a.department_id = d.id
 WHERE t.instance_id = $1 AND t.id = ANY ($2::uuid[]);

-- name: write
-- All that a batch of events makes, in one statement: it is there as a whole or not at all. A key that is
-- taken makes nothing, also when another transaction is just about to take it: this one waits for the end
-- of that one. All take their keys in the same order, so that no two wait for each other. The message comes
-- before its first event, as with every change of a status. Returns what was made. IS TRUE keeps each IN a
-- look-up in a hash table: as a join, in sessions that plan by index, it would compare all rows with all.
-- Of messages, in parallel: $2 triggered messages, $3 event keys, $4 accounts, $5 contacts, $6 sending
-- numbers, $7 phone numbers, $8 bodies, counted from 1, $9 recipient zones, $10 sources of the zones, $11
-- ends of validity, $12 costs, $13 price lists. Of bodies: $14 languages, $15 texts, $16 encodings, $17
-- characters, $18 billable and $19 carrier segments.
WITH body_id AS MATERIALIZED (
  SELECT array_agg(new_id()) AS ids FROM generate_series(1, cardinality($15::text[]))),
wanted AS MATERIALIZED (
  SELECT new_id() AS id, (SELECT body_id.ids FROM body_id)[w.body] AS body_id,
         ($18::smallint[])[w.body] AS billable_segments, ($19::smallint[])[w.body] AS carrier_segments, w.*
    FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::int[],
                $9::text[], $10::smallint[], $11::timestamptz[], $12::bigint[], $13::integer[]) WITH ORDINALITY
      AS w (triggered_message_id, event_key, account_id, contact_id, sending_number_id, phone, body,
            zones, zone_source, valid_until, cost_micros, price_list_version, number)),
taken AS (
  INSERT INTO trigger_fire (triggered_message_id, event_key, instance_id, message_ids)
  SELECT w.triggered_message_id, w.event_key, $1, array_agg(w.id ORDER BY w.number)
    FROM wanted w
   GROUP BY w.triggered_message_id, w.event_key
   ORDER BY w.triggered_message_id, w.event_key
  ON CONFLICT (triggered_message_id, event_key) DO NOTHING
  RETURNING triggered_message_id, event_key, message_ids),
made AS (
  INSERT INTO message (id, instance_id, account_id, contact_id, sending_number_id, body_id, phone,
                       billable_segments, carrier_segments, kind, cost_micros, triggered_message_id,
                       recipient_zones, zone_source, price_list_version)
  SELECT w.id, $1, w.account_id, w.contact_id, w.sending_number_id, w.body_id, w.phone,
         w.billable_segments, w.carrier_segments, 2, w.cost_micros, w.triggered_message_id,
         w.zones, w.zone_source, w.price_list_version
    FROM wanted w
   WHERE (w.id IN (SELECT unnest(taken.message_ids) FROM taken)) IS TRUE
   ORDER BY w.id
  RETURNING id, body_id),
written AS (
  INSERT INTO body (id, instance_id, language, text, encoding, characters, billable_segments,
                    carrier_segments)
  SELECT b.id, $1, b.language, b.text, b.encoding, b.characters, b.billable_segments,
         b.carrier_segments
    FROM unnest((SELECT body_id.ids FROM body_id), $14::text[], $15::text[], $16::smallint[], $17::smallint[],
                $18::smallint[], $19::smallint[])
      AS b (id, language, text, encoding, characters, billable_segments, carrier_segments)
   WHERE (b.id IN (SELECT made.body_id FROM made)) IS TRUE),
queued AS (
  INSERT INTO dispatch (message_id, instance_id, sending_number_id, priority, segments, valid_until, zones,
                        cost_micros)
  SELECT w.id, $1, w.sending_number_id, 1, w.carrier_segments, w.valid_until, w.zones, w.cost_micros
    FROM wanted w WHERE (w.id IN (SELECT made.id FROM made)) IS TRUE),
logged AS (
  INSERT INTO status_event (instance_id, message_id, version, status, previous_status)
  SELECT $1, made.id, 1, 1, 0 FROM made)
SELECT triggered_message_id, event_key, message_ids FROM taken;

-- name: forget_old
-- A few at a time, oldest first, so that cleaning never holds up an event.
DELETE FROM trigger_fire
 WHERE ctid = ANY (ARRAY (
   SELECT ctid FROM trigger_fire
    WHERE fire_time < clock_timestamp() - $1::interval
    ORDER BY fire_time LIMIT $2));
