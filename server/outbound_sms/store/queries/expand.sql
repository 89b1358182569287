-- name: custom_plans
-- Plans with the values at hand: filters that are not set vanish, those that are set can use an index,
-- which takes a bitmap scan for arrays. Sessions that serve the queue have all that switched off.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_bitmapscan', 'on', true),
       set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true);

-- name: lock_next
-- The oldest mass message of an instance chosen by lot, so that a long one of one instance does not
-- keep the others waiting. A second process takes another one.
SELECT m.id, m.instance_id, m.audience::text AS audience, m.sending_number_id, m.create_time,
       m.valid_until, m.expand_after, m.price_list_version
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
-- The few texts are priced once, for each country, by the price list of the accept ($9). Without one the
-- mass message is older than the ledger, and free.
WITH number AS MATERIALIZED (
  SELECT n.account_id, n.company_id, n.contact_id, n.is_primary, n.language, n.phone_number_id, n.e164,
         n.country, n.left_out
    FROM mass_numbers($1::uuid, $2::jsonb, $3::timestamptz, $4::uuid, $5::uuid) n),
priced AS MATERIALIZED (
  SELECT b.id, b.company_id, b.language, c.country, b.billable_segments, b.carrier_segments,
         b.billable_segments * p.price_micros AS cost_micros
    FROM body b
   CROSS JOIN (VALUES ('US'), ('CA')) c (country)
    LEFT JOIN segment_price p ON p.version = $9 AND p.country = c.country AND p.encoding = b.encoding
   WHERE b.mass_message_id = $6),
made AS (
  INSERT INTO message (instance_id, mass_message_id, account_id, contact_id, sending_number_id, body_id,
                       phone, billable_segments, carrier_segments, kind, cost_micros, price_list_version)
  SELECT $1, $6::uuid, n.account_id, n.contact_id, $7::uuid, b.id,
         n.e164, b.billable_segments, b.carrier_segments, 1, coalesce(b.cost_micros, 0), $9::integer
    FROM number n
    JOIN priced b ON b.company_id = n.company_id AND b.language = n.language AND b.country = n.country
   WHERE n.left_out = 0
   ORDER BY n.account_id, n.is_primary DESC, n.phone_number_id
  ON CONFLICT (mass_message_id, phone) DO NOTHING
  RETURNING id, carrier_segments, cost_micros),
queued AS (
  INSERT INTO dispatch (message_id, instance_id, sending_number_id, mass_message_id, priority, segments,
                        valid_until, cost_micros)
  SELECT m.id, $1, $7, $6, 5, m.carrier_segments, $8::timestamptz,
         CASE WHEN $9 IS NOT NULL THEN m.cost_micros END
    FROM made m),
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
