-- name: custom_plans
-- Plans with the values at hand: filters that are not set vanish, those that are set can use an index,
-- which takes a bitmap scan for arrays. Sessions that serve the queue have all that switched off.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_bitmapscan', 'on', true),
       set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true);

-- name: lock_next
-- The oldest mass message of an instance chosen by lot, so that a long one of one instance does not
-- keep the others waiting. A second process takes another one.
SELECT m.id, m.instance_id, m.audience::text AS audience, m.sending_number_id, m.create_time,
       m.valid_until, m.expand_after
  FROM mass_message m
  JOIN (SELECT DISTINCT ON (instance_id) id, random() AS lot
          FROM mass_message
         WHERE finish_time IS NULL AND state = 1
         ORDER BY instance_id, id) oldest ON oldest.id = m.id
 WHERE m.state = 1
 ORDER BY oldest.lot
 LIMIT 1
   FOR NO KEY UPDATE OF m SKIP LOCKED;

-- name: find_chunk
-- The next accounts by id: how many, and the last of them.
SELECT count(*) AS accounts, (array_agg(a.account_id ORDER BY a.account_id DESC))[1] AS last_account
  FROM (SELECT account_id
          FROM mass_accounts($1::uuid, $2::jsonb, $3::timestamptz, $4::uuid, NULL)
         ORDER BY account_id
         LIMIT $5) a;

-- name: write_chunk
-- Texts, queue rows and first events for the accounts of a chunk. The order decides which contact gets
-- the text of a number that several have; a number that has its text already is passed over, which
-- also makes it harmless to write a chunk twice. The message comes first, as every status change does.
-- MATERIALIZED keeps `left_out` out of the joins: the planner takes it to be rare, and would begin there.
WITH number AS MATERIALIZED (
  SELECT n.account_id, n.company_id, n.contact_id, n.is_primary, n.language, n.phone_number_id, n.e164,
         n.left_out
    FROM mass_numbers($1::uuid, $2::jsonb, $3::timestamptz, $4::uuid, $5::uuid) n),
made AS (
  INSERT INTO message (instance_id, mass_message_id, account_id, contact_id, sending_number_id, body_id,
                       phone, billable_segments, carrier_segments, kind, cost_micros)
  SELECT $1, $6::uuid, n.account_id, n.contact_id, $7::uuid, b.id,
         n.e164, b.billable_segments, b.carrier_segments, 1, b.cost_micros
    FROM number n
    JOIN body b ON b.mass_message_id = $6 AND b.company_id = n.company_id AND b.language = n.language
   WHERE n.left_out = 0
   ORDER BY n.account_id, n.is_primary DESC, n.phone_number_id
  ON CONFLICT (mass_message_id, phone) DO NOTHING
  RETURNING id, carrier_segments),
queued AS (
  INSERT INTO dispatch (message_id, instance_id, sending_number_id, mass_message_id, priority, segments,
                        valid_until)
  SELECT m.id, $1, $7, $6, 5, m.carrier_segments, $8::timestamptz FROM made m),
logged AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status)
  SELECT $1, m.id, $6, 1, 1, 0 FROM made m)
SELECT count(*) AS recipients, coalesce(sum(m.carrier_segments), 0) AS segments FROM made m;

-- name: advance
-- Moves the mark behind the chunk, in the transaction that wrote it; after the last one sending begins.
UPDATE mass_message
   SET expand_after = coalesce($2, expand_after),
       recipients = recipients + $3,
       segments = segments + $4,
       expanded = $5,
       state = CASE WHEN $5 THEN 2 ELSE state END
 WHERE id = $1 AND state = 1;
