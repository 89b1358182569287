-- name: take_turn
-- Lets one text of a number be acted on at a time, so that its STOPs and STARTs follow each other.
SELECT pg_advisory_xact_lock(hashtextextended('replies ' || $1::text, 0));

-- name: is_stored
-- Whether a carrier has brought the text before.
SELECT EXISTS (SELECT FROM inbound_message i WHERE i.carrier = $1 AND i.carrier_message_id = $2);

-- name: find_sending_number
-- The number of ours that was written to. Each has one owner in the whole service. `scope` is the instance
-- that a STOP stops, NULL for all.
SELECT n.id, n.instance_id, n.keyword_replies, CASE policy.scope WHEN 2 THEN n.instance_id END AS scope
  FROM sending_number n CROSS JOIN opt_out_policy policy WHERE n.e164 = $1;

-- name: plan_by_index
-- Has the next statements of the transaction planned for their arguments, by indexes and nested loops: the
-- queue grows and shrinks faster than statistics follow.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true);

-- name: lift
-- Lifts what keeps the instance ($2, NULL for all) from texting the number. Says whether anything did.
WITH lifted AS (
  DELETE FROM suppression s
   WHERE s.e164 = $1 AND ($2::uuid IS NULL OR s.instance_id IS NULL OR s.instance_id = $2)
  RETURNING s.e164)
SELECT EXISTS (SELECT FROM lifted);

-- name: lock_numbers
-- Holds the number still at every contact that has it. Whoever is about to set its opt-in has done so when
-- the next statement looks, or will see what this transaction has made of the suppression.
SELECT p.id FROM phone_number p WHERE p.e164 = $1 ORDER BY p.id FOR NO KEY UPDATE;

-- name: restore
-- Sets the opt-ins again that a STOP had cleared, and no others, and records each. $2 how it was said, $3 who
-- said so, $4 the words, $5 the only instance, NULL for all. Where a suppression was lifted ($7), the instance
-- that was written to ($6) has a record of it also when nothing was restored there.
WITH restored AS (
  UPDATE phone_number p SET sms_opt_in = true, cleared_by_stop = false, version = p.version + 1
   WHERE p.e164 = $1 AND p.cleared_by_stop AND NOT p.sms_opt_in AND ($5::uuid IS NULL OR p.instance_id = $5)
  RETURNING p.id, p.instance_id, p.contact_id),
recorded AS (
  INSERT INTO consent_event (instance_id, contact_id, phone_number_id, e164, kind, source, actor, evidence, occur_time)
  SELECT of.instance_id, of.contact_id, of.id, $1, 3, $2, $3, $4, clock_timestamp()
    FROM (SELECT instance_id, contact_id, id FROM restored
          UNION ALL
          SELECT $6::uuid, NULL, NULL
           WHERE $7::boolean AND NOT EXISTS (SELECT FROM restored WHERE restored.instance_id = $6)) of)
SELECT count(*) FROM restored;

-- name: fail_waiting
-- Fails every text to a number that nobody has handed over, of one instance or of all. A row that is leased or in doubt,
-- or that somebody is at, is left to the claim and the intent, which look at the suppression. Only texts made
-- since the oldest of the queue are looked at, so that a long history costs nothing, each by its key (LATERAL
-- and num_nonnulls keep the planner to it): as a join, with statistics from when the queue was short, all would
-- be compared with all.
-- $1 number, $2 reason, $3 whether answers to earlier texts of the number fail too, $4 instance, NULL for all.
WITH recent AS MATERIALIZED (
  SELECT m.id FROM message m
   WHERE m.phone = $1 AND m.instance_id = coalesce($4::uuid, m.instance_id)
     AND m.id >= (SELECT oldest.message_id FROM dispatch oldest ORDER BY oldest.message_id LIMIT 1)),
ready AS MATERIALIZED (
  SELECT waiting.message_id
    FROM recent CROSS JOIN LATERAL (
      SELECT d.message_id FROM dispatch d
       WHERE d.message_id = recent.id AND num_nonnulls(d.owner, d.in_doubt_since) = 0 AND ($3 OR d.priority > 0)
         FOR UPDATE SKIP LOCKED) waiting)
SELECT failed.texts
  FROM (SELECT array_agg(message_id) AS ids, array_agg($2::text) AS reasons FROM ready) doomed
 CROSS JOIN fail_queued(doomed.ids, doomed.reasons) AS failed (texts);

-- name: forget_unfunded
-- Texts to a number that could not be paid keep their status, and cannot be requeued any more. One that
-- somebody is requeuing goes to the queue, where the claim fails it. $2 instance, NULL for all.
WITH recent AS MATERIALIZED (
  SELECT m.id FROM message m
   WHERE m.phone = $1 AND m.instance_id = coalesce($2::uuid, m.instance_id)
     AND m.id >= (SELECT oldest.message_id FROM unfunded oldest ORDER BY oldest.message_id LIMIT 1)),
unpaid AS MATERIALIZED (
  SELECT parked.message_id
    FROM recent CROSS JOIN LATERAL (
      SELECT u.message_id FROM unfunded u WHERE u.message_id = recent.id FOR UPDATE SKIP LOCKED) parked)
DELETE FROM unfunded u USING unpaid WHERE u.message_id = unpaid.message_id;

-- name: count_answers
-- How often a number was answered from a sending number of late. $3 meaning, $4 since how long ago. Ids are
-- UUIDv7 (RFC 9562 5.7), so a time is a bound of them.
SELECT count(*) FROM inbound_message i
 WHERE i.e164 = $1 AND i.sending_number_id = $2 AND i.meaning = $3 AND i.reply_id IS NOT NULL
   AND i.id >= (lpad(to_hex((extract(epoch FROM now() - $4::interval) * 1000)::bigint), 12, '0')
                || repeat('0', 20))::uuid;

-- name: find_correspondent
-- In whose name a number ($3) is answered from a sending number ($2) of an instance ($1), and in which
-- language it was texted: the company of the account of the last text that went that way, else the default
-- one, else the instance itself; and what the department of the default signature answers on there. The number's last texts are few or the sending number
-- is another than usual: more than a thousand are not looked through.
SELECT last.account_id, last.contact_id, coalesce(c.name, i.name) AS company_name,
       support.phone_number, support.email_address, i.billing_rule, texted.language
  FROM instance i
  LEFT JOIN LATERAL (
    SELECT recent.account_id, recent.contact_id, recent.body_id
      FROM (SELECT m.id, m.account_id, m.contact_id, m.sending_number_id, m.kind, m.body_id
              FROM message m WHERE m.phone = $3 ORDER BY m.id DESC LIMIT 1000) recent
     WHERE recent.sending_number_id = $2 AND recent.kind <> 3
     ORDER BY recent.id DESC LIMIT 1) last ON true
  LEFT JOIN body texted ON texted.id = last.body_id
  LEFT JOIN account a ON a.id = last.account_id AND a.instance_id = i.id
  LEFT JOIN company c ON c.instance_id = i.id
    AND CASE WHEN a.id IS NULL THEN c.is_default ELSE c.id = a.company_id END
  LEFT JOIN LATERAL (
    SELECT d.phone_number, d.email_address
      FROM signature s
      JOIN company_department d ON d.department_id = s.department_id AND d.company_id = c.id
     WHERE s.instance_id = i.id AND s.delete_time IS NULL AND (s.mass_default OR s.triggered_default)
       AND (d.phone_number IS NOT NULL OR d.email_address IS NOT NULL)
     ORDER BY s.mass_default DESC, s.id LIMIT 1) support ON true
 WHERE i.id = $1;

-- name: write_reply
-- Puts an answer into the queue, before everything else there. It is free, and quiet hours do not hold it.
-- $1 instance, $2 account, $3 contact, $4 sending number, $5 number, then of the body: $6 language, $7 text,
-- $8 encoding, $9 characters, $10 billable and $11 carrier segments. $12 how long it is valid.
WITH written AS (
  INSERT INTO body (instance_id, language, text, encoding, characters, billable_segments, carrier_segments)
  VALUES ($1, $6, $7, $8, $9, $10, $11)
  RETURNING id, billable_segments, carrier_segments),
made AS (
  INSERT INTO message (instance_id, account_id, contact_id, sending_number_id, body_id, phone,
                       billable_segments, carrier_segments, kind, cost_micros)
  SELECT $1, $2, $3, $4, written.id, $5, written.billable_segments, written.carrier_segments, 3, 0 FROM written
  RETURNING id, carrier_segments),
queued AS (
  INSERT INTO dispatch (message_id, instance_id, sending_number_id, priority, segments, valid_until)
  SELECT made.id, $1, $4, 0, made.carrier_segments, clock_timestamp() + $12::interval FROM made),
event AS (
  INSERT INTO status_event (instance_id, message_id, version, status, previous_status)
  SELECT $1, made.id, 1, 1, 0 FROM made)
SELECT id FROM made;

-- name: store
-- Each text of a carrier once. $8 is the message that answers it, NULL for none.
INSERT INTO inbound_message (instance_id, sending_number_id, carrier, carrier_message_id, e164, body, meaning, reply_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);
