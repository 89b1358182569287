-- name: plan_for_arguments
-- Has the next statements of the transaction planned for their arguments: with filters that are not set
-- folded away, each list can use the index that fits those that are.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: hold_rules
-- Reads what an instance holds all its messages by, and what time it is.
SELECT i.sms_enabled, i.time_zone, i.quiet_start, i.quiet_end, i.quiet_mode, b.waits_until,
       l.surge_pause_time IS NOT NULL AS surge_paused, sending_limits_until(l, now()) AS limits_until,
       clock_timestamp() AS now
  FROM instance i
  JOIN balance b ON b.instance_id = i.id
  JOIN sending_limit l ON l.instance_id = i.id
 WHERE i.id = $1;

-- name: list
-- Lists messages, newest first, with the names that a person reads, and the feed's head in the same
-- snapshot: whatever this does not show yet comes after the head.
-- $1 instance, $2 id before which to go on, $3 most, $4 statuses, $5 kind, $6 mass message, $7 account,
-- $8 contact, $9 phone, $10 from, $11 until, $12 reason, $13 and $14 the ids between which messages of
-- those times lie, $15 triggered message.
SELECT feed.head, feed.epoch, page.*
  FROM (SELECT (SELECT t.last_pos FROM feed_tick t ORDER BY t.tick DESC LIMIT 1) AS head,
               (SELECT coalesce(max(e.epoch), 0) FROM feed_epoch e) AS epoch) feed
  LEFT JOIN LATERAL (
    SELECT m.id, m.contact_id, contact.name AS recipient_name, contact.role, contact.account_id,
           contact.network_site_id, contact.vendor_id,
           coalesce(account.name, site.name, vendor.name) AS related_name,
           m.phone, m.status, m.reject_reason, m.version, m.kind, m.mass_message_id, m.billable_segments,
           m.carrier_segments, m.cost_micros, instance.currency, m.sending_number_id, m.create_time,
           m.triggered_message_id, m.recipient_zones, m.zone_source, m.quiet_check, m.price_list_version,
           CASE WHEN m.status = 1 THEN
             (SELECT n.enabled FROM sending_number n WHERE n.id = m.sending_number_id)
           END AS number_enabled,
           CASE WHEN m.status = 1 THEN
             (SELECT p.hour_start + interval '1 hour' FROM sending_limit l
                JOIN prefix_hour p ON p.instance_id = l.instance_id AND p.prefix = left(m.phone, -4)
                 AND p.hour_start = date_trunc('hour', now(), 'UTC') AND p.messages >= l.per_prefix
               WHERE l.instance_id = m.instance_id AND l.per_prefix > 0)
           END AS prefix_until,
           CASE WHEN m.status = 1 AND m.mass_message_id IS NOT NULL THEN
             (SELECT mass.state = 3 FROM mass_message mass WHERE mass.id = m.mass_message_id)
           END AS mass_message_paused,
           CASE WHEN m.status = 5 THEN
             (SELECT a.carrier_code FROM attempt a
               WHERE a.message_id = m.id AND a.carrier_code IS NOT NULL
               ORDER BY a.reason IS NOT DISTINCT FROM m.reject_reason DESC, a.number DESC LIMIT 1)
           END AS carrier_code
      FROM (SELECT x.* FROM message x
             WHERE x.instance_id = $1
               AND ($2::uuid IS NULL OR x.id < $2)
               AND ($4::smallint[] IS NULL OR x.status = ANY ($4))
               AND ($5::smallint IS NULL OR x.kind = $5)
               AND ($6::uuid IS NULL OR x.mass_message_id = $6)
               AND ($7::uuid IS NULL OR x.account_id = $7)
               AND ($8::uuid IS NULL OR x.contact_id = $8)
               AND ($9::text IS NULL OR x.phone = $9)
               AND ($10::timestamptz IS NULL OR x.create_time >= $10)
               AND ($11::timestamptz IS NULL OR x.create_time < $11)
               AND ($12::text IS NULL OR x.reject_reason = $12)
               AND ($13::uuid IS NULL OR x.id >= $13)
               AND ($14::uuid IS NULL OR x.id < $14)
               AND ($15::uuid IS NULL OR x.triggered_message_id = $15)
             ORDER BY x.id DESC LIMIT $3) m
      JOIN instance ON instance.id = m.instance_id
      LEFT JOIN contact ON contact.id = m.contact_id
      LEFT JOIN account ON account.id = contact.account_id
      LEFT JOIN network_site site ON site.id = contact.network_site_id
      LEFT JOIN vendor ON vendor.id = contact.vendor_id) page ON true
 ORDER BY page.id DESC;

-- name: get
-- Reads everything about some messages, all of one instant, with what their instance holds messages by.
-- What holds a message is looked for only where it waits. OFFSET 0 hides the instance from the planner, which
-- would otherwise plan anew for each call: that takes ten times as long as the rest. $1 instance, $2 ids.
SELECT m.id, m.contact_id, contact.name AS recipient_name, contact.role, contact.account_id,
       contact.network_site_id, contact.vendor_id,
       coalesce(account.name, site.name, vendor.name) AS related_name,
       m.phone, m.status, m.reject_reason, m.version, m.kind, m.mass_message_id, m.billable_segments,
       m.carrier_segments, m.cost_micros, instance.currency, m.sending_number_id, m.create_time,
       m.triggered_message_id, m.recipient_zones, m.zone_source, m.quiet_check, m.price_list_version,
       instance.sms_enabled, instance.time_zone, instance.quiet_start, instance.quiet_end, instance.quiet_mode,
       clock_timestamp() AS now,
       CASE WHEN m.status = 1 THEN
         (SELECT b.waits_until FROM balance b WHERE b.instance_id = m.instance_id)
       END AS waits_until,
       CASE WHEN m.status = 1 THEN
         (SELECT l.surge_pause_time IS NOT NULL FROM sending_limit l WHERE l.instance_id = m.instance_id)
       END AS surge_paused,
       CASE WHEN m.status = 1 THEN
         (SELECT sending_limits_until(l, now()) FROM sending_limit l WHERE l.instance_id = m.instance_id)
       END AS limits_until,
       CASE WHEN m.status = 1 THEN
         (SELECT n.enabled FROM sending_number n WHERE n.id = m.sending_number_id)
       END AS number_enabled,
       CASE WHEN m.status = 1 THEN
         (SELECT p.hour_start + interval '1 hour' FROM sending_limit l
            JOIN prefix_hour p ON p.instance_id = l.instance_id AND p.prefix = left(m.phone, -4)
             AND p.hour_start = date_trunc('hour', now(), 'UTC') AND p.messages >= l.per_prefix
           WHERE l.instance_id = m.instance_id AND l.per_prefix > 0)
       END AS prefix_until,
       CASE WHEN m.status = 1 AND m.mass_message_id IS NOT NULL THEN
         (SELECT mass.state = 3 FROM mass_message mass WHERE mass.id = m.mass_message_id)
       END AS mass_message_paused,
       coalesce(failure.carrier_code, tried.codes[cardinality(tried.codes)]) AS carrier_code,
       body.text AS body_text, body.encoding AS body_encoding, body.characters AS body_characters,
       body.billable_segments AS body_billable_segments, body.carrier_segments AS body_carrier_segments,
       history.versions, history.statuses, history.reasons, history.times,
       tried.numbers, tried.carriers, tried.outcomes, tried.carrier_ids, tried.reasons AS attempt_reasons,
       tried.codes, tried.submit_times, tried.settle_times
  FROM (SELECT $1::uuid AS instance_id, asked.id FROM unnest($2::uuid[]) AS asked (id) OFFSET 0) wanted
  JOIN message m ON m.id = wanted.id AND m.instance_id = wanted.instance_id
  JOIN instance ON instance.id = m.instance_id
  LEFT JOIN contact ON contact.id = m.contact_id
  JOIN body ON body.id = m.body_id
  LEFT JOIN account ON account.id = contact.account_id
  LEFT JOIN network_site site ON site.id = contact.network_site_id
  LEFT JOIN vendor ON vendor.id = contact.vendor_id
  LEFT JOIN LATERAL (
    SELECT a.carrier_code FROM attempt a
     WHERE m.status = 5 AND a.message_id = m.id AND a.carrier_code IS NOT NULL
     ORDER BY a.reason IS NOT DISTINCT FROM m.reject_reason DESC, a.number DESC LIMIT 1) failure ON true
 CROSS JOIN LATERAL (
    SELECT array_agg(e.version) AS versions, array_agg(e.status) AS statuses,
           array_agg(e.reject_reason) AS reasons, array_agg(e.event_time) AS times
      FROM (SELECT * FROM status_event s WHERE s.message_id = m.id ORDER BY s.version) e) history
 CROSS JOIN LATERAL (
    SELECT array_agg(a.number) AS numbers, array_agg(a.carrier) AS carriers, array_agg(a.outcome) AS outcomes,
           array_agg(a.carrier_message_id) AS carrier_ids, array_agg(a.reason) AS reasons,
           array_agg(a.carrier_code) AS codes, array_agg(a.submit_time) AS submit_times,
           array_agg(a.settle_time) AS settle_times
      FROM (SELECT * FROM attempt t WHERE t.message_id = m.id ORDER BY t.number) a) tried;

-- name: count
-- Counts messages by status and reason over a span. The ids bound the part of the index that is read.
-- $1 instance, $2 from, $3 until, $4 and $5 the ids between which messages of those times lie.
SELECT m.status, m.reject_reason, count(*) AS messages, sum(m.billable_segments)::bigint AS billable_segments,
       sum(m.cost_micros)::bigint AS cost_micros
  FROM message m
 WHERE m.instance_id = $1 AND m.id >= $4 AND m.id < $5 AND m.create_time >= $2 AND m.create_time < $3
 GROUP BY m.status, m.reject_reason ORDER BY m.status, m.reject_reason NULLS FIRST;

-- name: country
-- Reads the country in whose way people of the instance write phone numbers.
SELECT country FROM instance WHERE id = $1;
