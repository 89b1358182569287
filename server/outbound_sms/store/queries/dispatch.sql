-- name: ready_groups
-- Lists each group of messages that waits and has one that is due, by a loose index scan: one probe for
-- each, however long the queue. A group is what quiet hours hold or release together. `wait` is the time
-- in seconds until the rate of its sending number allows the next hand-over; after the clock was set back
-- that cannot be known before a claim has written the time down anew. While an instance waits for a top-up
-- only its answers to keywords go, which are free, and while a limit is reached only what it does not hold.
WITH RECURSIVE waiting AS (
  (SELECT d.instance_id, d.sending_number_id, d.priority, d.zones, d.due_time FROM dispatch d
    WHERE d.owner IS NULL AND d.in_doubt_since IS NULL
    ORDER BY d.instance_id, d.sending_number_id, d.priority, d.zones, d.due_time LIMIT 1)
  UNION ALL
  SELECT following.*
    FROM waiting CROSS JOIN LATERAL (
      SELECT d.instance_id, d.sending_number_id, d.priority, d.zones, d.due_time FROM dispatch d
       WHERE d.owner IS NULL AND d.in_doubt_since IS NULL
         AND (d.instance_id, d.sending_number_id, d.priority, d.zones)
             > (waiting.instance_id, waiting.sending_number_id, waiting.priority, waiting.zones)
       ORDER BY d.instance_id, d.sending_number_id, d.priority, d.zones, d.due_time LIMIT 1) following)
SELECT instance.quiet_start, instance.quiet_end, instance.quiet_mode,
       number.carrier, number.route_carriers, number.route_weights, number.route_senders,
       instance.time_zone, instance.version AS settings_version,
       waiting.instance_id, waiting.sending_number_id, waiting.priority, waiting.zones, waiting.due_time,
       CASE WHEN rate.refill_time > clock_timestamp() THEN 0
            ELSE greatest(0, - (rate.tokens + extract(epoch FROM clock_timestamp() - rate.refill_time)
                                              * number.segments_per_second) / number.segments_per_second)
       END::float8 AS wait,
       clock_timestamp() AS now
  FROM waiting
  JOIN sending_number number ON number.id = waiting.sending_number_id
  JOIN sending_rate rate ON rate.sending_number_id = waiting.sending_number_id
  JOIN instance ON instance.id = waiting.instance_id
  JOIN balance ON balance.instance_id = waiting.instance_id
  JOIN sending_limit ON sending_limit.instance_id = waiting.instance_id
 WHERE waiting.due_time <= clock_timestamp() AND number.enabled AND instance.sms_enabled
   AND (waiting.priority = 0
        OR (coalesce(balance.waits_until <= clock_timestamp(), true)
            AND NOT sending_limits_reached(sending_limit, now())
                    && CASE waiting.priority WHEN 1 THEN '{1,2,3,4}'::smallint[] ELSE '{1,2,3}' END));

-- name: claim
-- Leases the next messages of some sending numbers, as many as the rate of each allows, group after group,
-- and holds the price of each that has none held. Fails those whose number has replied STOP and triggered
-- ones that lost their opt-in, and drops those that a late receipt has shown to be sent. The money of an
-- instance goes to its messages in their order: the first that cannot be paid and those after it become
-- Insufficient funds, or stay where they are while an automatic top-up is open.
-- What is over a limit of the instance stays where it is, untouched, but for a text to a number that has had
-- enough of them, which fails, and one to a prefix that has, which is due again in the next hour. Answers to
-- keywords are neither counted nor held. A text counts when it is leased for the first time, and that is when
-- its price is held: given back unsent, it does not count again.
-- Who has a number too often is decided by the order of their ids and not of the claims, which do not see each
-- other: a text fails when there are as many as the limit of the last 24 hours that were made before it and
-- have not failed, or are with a carrier.
-- The rate rows, then the limits and then the balances are the only locks that are waited for, each in the
-- order of their ids; whoever changes messages first and money then waits for nobody here. The list of
-- instances of each comes from the one before, so that none is taken before. MATERIALIZED keeps the planner
-- from running a limited subquery twice. A message has one segment at least, so no more of them are looked
-- at than the rate has segments.
-- Groups in parallel, those of a number in the order in which they are to go: $1 sending numbers,
-- $2 priorities, $3 zones. $4 most messages of each number, $5 owner, $6 seconds of lease.
WITH number AS MATERIALIZED (
  SELECT n.id, n.instance_id, n.e164, n.carrier, n.segments_per_second,
         least(n.segments_per_second,
               r.tokens + greatest(extract(epoch FROM clock_timestamp() - r.refill_time), 0)
                          * n.segments_per_second) AS tokens
    FROM sending_rate r JOIN sending_number n ON n.id = r.sending_number_id
   WHERE r.sending_number_id = ANY ($1::uuid[])
   ORDER BY r.sending_number_id FOR UPDATE OF r),
candidate AS MATERIALIZED (
  SELECT number.instance_id, number.e164, number.carrier, number.tokens, next.*
    FROM number CROSS JOIN LATERAL (
      SELECT waiting.*, wanted.place
        FROM unnest($1::uuid[], $2::smallint[], $3::text[])
             WITH ORDINALITY AS wanted (sending_number_id, priority, zones, place)
       CROSS JOIN LATERAL (
         SELECT q.message_id, q.sending_number_id, q.segments, q.priority, q.due_time, q.valid_until,
                q.cost_micros, q.held
           FROM dispatch q
          WHERE q.instance_id = number.instance_id AND q.sending_number_id = number.id
            AND q.priority = wanted.priority AND q.zones = wanted.zones
            AND q.owner IS NULL AND q.in_doubt_since IS NULL
            AND q.due_time <= now() AND q.valid_until > clock_timestamp()
            AND coalesce(q.mass_message_id NOT IN (
                  SELECT mm.id FROM mass_message mm WHERE mm.finish_time IS NULL AND mm.state IN (3, 4)), true)
          ORDER BY q.due_time, q.message_id
          LIMIT least($4, ceil(number.tokens))::bigint FOR UPDATE SKIP LOCKED) waiting
       WHERE wanted.sending_number_id = number.id
       ORDER BY wanted.place
       LIMIT least($4, ceil(number.tokens))::bigint) next
   WHERE number.tokens > 0),
cap AS MATERIALIZED (
  SELECT l AS stored, i.time_zone FROM sending_limit l JOIN instance i ON i.id = l.instance_id
   WHERE l.instance_id = ANY (ARRAY (SELECT instance_id FROM candidate))
   ORDER BY l.instance_id FOR UPDATE OF l),
room AS MATERIALIZED (
  SELECT counted.*, cap.stored, (cap.stored).hour_end <> counted.hour_end AS hour_over, moment.now,
         (lpad(to_hex((extract(epoch FROM moment.now - interval '24 hours') * 1000)::bigint), 12, '0')
          || repeat('0', 20))::uuid AS day_ago_id,
         least(CASE WHEN counted.per_minute > 0 THEN counted.per_minute - counted.minute_messages END,
               CASE WHEN counted.per_day > 0 THEN counted.per_day - counted.day_messages END) AS of_messages,
         CASE WHEN counted.spend_per_day > 0 THEN counted.spend_per_day - counted.day_spent END AS of_money,
         CASE WHEN counted.surge_pause_time IS NOT NULL THEN 0
              WHEN counted.surge_multiple > 0 AND counted.surge_allowed_until <= moment.now
              THEN greatest(counted.surge_multiple * counted.usual_triggered::bigint, counted.surge_floor)
                   - counted.hour_triggered
         END AS of_surge
    FROM cap
   CROSS JOIN LATERAL (SELECT clock_timestamp() AS now OFFSET 0) moment
   CROSS JOIN LATERAL sending_limit_at(cap.stored, cap.time_zone, moment.now) AS counted),
seen AS (
  SELECT candidate.*, NOT candidate.held AND candidate.priority > 0 AS counts,
         room.of_messages, room.of_money, room.of_surge, room.per_number, m.phone, m.body_id, m.status > 2 AS ended,
         CASE WHEN m.kind <> 3 AND m.phone COLLATE "C" >= '+19'
                   AND (m.phone ^@ '+1900' OR m.phone ^@ '+1976' OR NOT m.phone ^@ '+1')
              THEN 'NUMBER.REGION_NOT_ALLOWED'
              WHEN m.kind <> 3 AND EXISTS (
                SELECT FROM suppression s
                 WHERE s.e164 = m.phone AND (s.instance_id IS NULL OR s.instance_id = m.instance_id))
              THEN 'POLICY.OPTED_OUT'
              WHEN m.kind <> 2 THEN NULL
              WHEN NOT EXISTS (
                SELECT FROM phone_number p
                  JOIN contact c ON c.id = p.contact_id
                  JOIN phone_number_type t ON t.id = p.phone_number_type_id
                 WHERE p.contact_id = m.contact_id AND p.e164 = m.phone
                   AND p.sms_opt_in AND c.delete_time IS NULL AND t.sms_capable) THEN 'POLICY.NO_CONSENT'
         END AS reason,
         sum(candidate.segments) OVER (
           PARTITION BY candidate.sending_number_id
           ORDER BY candidate.place, candidate.due_time, candidate.message_id) - candidate.segments AS before
    FROM candidate
    JOIN room ON room.instance_id = candidate.instance_id
    JOIN message m ON m.id = candidate.message_id),
frequent AS MATERIALIZED (
  SELECT other.phone FROM message other
   WHERE other.phone = ANY (ARRAY (SELECT seen.phone FROM seen WHERE seen.per_number > 0))
     AND other.id >= (SELECT room.day_ago_id FROM room ORDER BY room.day_ago_id LIMIT 1)
   GROUP BY other.phone
  HAVING count(*) > (SELECT min(room.per_number) FROM room WHERE room.per_number > 0)),
lately AS MATERIALIZED (
  SELECT room.instance_id, frequent.phone, room.per_number,
         ARRAY (SELECT other.id FROM message other
                 WHERE other.phone = frequent.phone AND other.id >= room.day_ago_id
                   AND other.instance_id = room.instance_id AND other.kind <> 3 AND other.status < 5
                 ORDER BY other.id LIMIT room.per_number) AS made,
         ARRAY (SELECT other.id FROM message other
                 WHERE other.phone = frequent.phone AND other.id >= room.day_ago_id
                   AND other.instance_id = room.instance_id AND other.kind <> 3 AND other.status IN (2, 3, 4)
                 ORDER BY other.id DESC LIMIT room.per_number) AS gone
    FROM frequent CROSS JOIN room WHERE room.per_number > 0),
capped AS MATERIALIZED (
  SELECT seen.message_id
    FROM lately JOIN seen ON seen.instance_id = lately.instance_id AND seen.phone = lately.phone
   WHERE seen.priority > 0 AND NOT seen.ended AND seen.reason IS NULL
     AND (SELECT count(*) FROM unnest(lately.made) AS text (id) WHERE text.id < seen.message_id)
         + (SELECT count(*) FROM unnest(lately.gone) AS text (id) WHERE text.id > seen.message_id)
         >= lately.per_number),
crowded AS MATERIALIZED (
  SELECT ranked.message_id, ranked.instance_id, ranked.hour_end
    FROM (SELECT seen.message_id, seen.instance_id, room.hour_end, left(seen.phone, -4) AS prefix, room.per_prefix,
                 row_number() OVER (PARTITION BY seen.instance_id, left(seen.phone, -4)
                                    ORDER BY seen.place, seen.due_time, seen.message_id) AS rank
            FROM room JOIN seen ON seen.instance_id = room.instance_id
           WHERE room.per_prefix > 0
             AND seen.counts AND NOT seen.ended AND seen.reason IS NULL AND seen.before < seen.tokens
             AND seen.message_id NOT IN (SELECT capped.message_id FROM capped)) ranked
    LEFT JOIN (
      SELECT room.instance_id, gone.prefix, gone.messages
        FROM room
       CROSS JOIN LATERAL prefix_messages(
         room.instance_id, room.hour_end - interval '1 hour',
         ARRAY (SELECT left(seen.phone, -4) FROM seen WHERE seen.instance_id = room.instance_id)) gone
       WHERE room.per_prefix > 0) gone ON gone.instance_id = ranked.instance_id AND gone.prefix = ranked.prefix
   WHERE ranked.rank > ranked.per_prefix - coalesce(gone.messages, 0)),
fund AS MATERIALIZED (
  SELECT b.instance_id, b.available_micros FROM balance b
   WHERE b.instance_id = ANY (ARRAY (SELECT instance_id FROM room))
   ORDER BY b.instance_id FOR UPDATE),
wanted AS MATERIALIZED (
  SELECT summed.*,
         NOT summed.counts
         OR (coalesce(summed.counted_so_far <= summed.of_messages, true)
             AND coalesce(summed.price_so_far <= summed.of_money, true)
             AND coalesce(summed.triggered_so_far <= summed.of_surge, true)) AS admitted
    FROM (SELECT seen.instance_id, seen.message_id, seen.sending_number_id, seen.e164, seen.phone, seen.body_id,
                 seen.valid_until, seen.priority, seen.due_time, seen.place, seen.held, seen.cost_micros, seen.counts,
                 seen.of_messages, seen.of_money, seen.of_surge, fund.available_micros, to_pay.price,
                 count(*) FILTER (WHERE seen.counts) OVER of_instance AS counted_so_far,
                 count(*) FILTER (WHERE seen.counts AND seen.priority = 1) OVER of_instance AS triggered_so_far,
                 (sum(to_pay.price) OVER of_instance)::bigint AS price_so_far
            FROM seen JOIN fund ON fund.instance_id = seen.instance_id
           CROSS JOIN LATERAL (SELECT CASE WHEN seen.held THEN 0 ELSE seen.cost_micros END AS price) to_pay
           WHERE NOT seen.ended AND seen.reason IS NULL AND seen.before < seen.tokens
             AND seen.message_id NOT IN (SELECT capped.message_id FROM capped)
             AND seen.message_id NOT IN (SELECT crowded.message_id FROM crowded)
          WINDOW of_instance AS (PARTITION BY seen.instance_id ORDER BY seen.place, seen.due_time, seen.message_id)
         ) summed),
leased AS (
  UPDATE dispatch d
     SET owner = $5, lease_until = clock_timestamp() + make_interval(secs => $6), fence = d.fence + 1,
         held = wanted.cost_micros IS NOT NULL
    FROM wanted
   WHERE d.message_id = wanted.message_id AND wanted.admitted
     AND (coalesce(wanted.price, 0) = 0 OR wanted.price_so_far <= wanted.available_micros)
  RETURNING d.message_id, d.fence, d.segments, d.failures, wanted.instance_id, wanted.sending_number_id,
            wanted.e164, d.carrier, wanted.phone, wanted.body_id, wanted.valid_until, wanted.priority,
            wanted.due_time, wanted.place, wanted.counts,
            CASE WHEN NOT wanted.held THEN wanted.cost_micros END AS to_hold),
spent AS (
  UPDATE sending_rate r
     SET tokens = number.tokens - coalesce(
           (SELECT sum(leased.segments) FROM leased WHERE leased.sending_number_id = number.id), 0),
         refill_time = clock_timestamp()
    FROM number WHERE r.sending_number_id = number.id),
counted AS (
  UPDATE sending_limit l
     SET minute_end = room.minute_end, minute_messages = room.minute_messages + coalesce(sent.messages, 0),
         day_end = room.day_end, day_messages = room.day_messages + coalesce(sent.messages, 0),
         day_spent = room.day_spent + coalesce(sent.spent, 0),
         spend_reached = room.spend_reached OR coalesce(over.money, false),
         hour_end = room.hour_end, hour_triggered = room.hour_triggered + coalesce(sent.triggered, 0),
         usual_triggered = room.usual_triggered, surge_floor = room.surge_floor,
         surge_pause_time = CASE WHEN over.surge AND coalesce(sent.triggered, 0) >= room.of_surge
                                 THEN coalesce(room.surge_pause_time, room.now) ELSE room.surge_pause_time END
    FROM room
    LEFT JOIN (
      SELECT leased.instance_id, count(*) AS messages, sum(leased.to_hold) AS spent,
             count(*) FILTER (WHERE leased.priority = 1) AS triggered
        FROM leased WHERE leased.counts GROUP BY leased.instance_id) sent ON sent.instance_id = room.instance_id
    LEFT JOIN (
      SELECT wanted.instance_id, bool_or(wanted.triggered_so_far > wanted.of_surge) AS surge,
             bool_or(wanted.price_so_far > wanted.of_money
                     AND coalesce(wanted.triggered_so_far <= wanted.of_surge, true)) AS money
        FROM wanted WHERE NOT wanted.admitted GROUP BY wanted.instance_id) over ON over.instance_id = room.instance_id
   WHERE l.instance_id = room.instance_id
  RETURNING l.instance_id, l.day_messages, l.hour_triggered,
            l.per_day > 0 AND l.day_messages >= l.per_day AND room.day_messages < l.per_day AS day_reached,
            l.spend_reached AND NOT room.spend_reached AS spend_reached,
            l.surge_pause_time IS NOT NULL AND room.surge_pause_time IS NULL AS paused),
alerted AS (
  INSERT INTO sending_alert (instance_id, kind, messages)
  SELECT counted.instance_id, alert.kind, alert.messages
    FROM counted
   CROSS JOIN LATERAL (VALUES (2, counted.day_reached, counted.day_messages),
                              (3, counted.spend_reached, counted.day_messages),
                              (4, counted.paused, counted.hour_triggered)) AS alert (kind, raised, messages)
   WHERE alert.raised
   UNION ALL
  SELECT crowded.instance_id, 5, count(*) FROM crowded GROUP BY crowded.instance_id),
hour_over AS (
  INSERT INTO triggered_hour (instance_id, hour_start, messages)
  SELECT room.instance_id, (room.stored).hour_end - interval '1 hour', (room.stored).hour_triggered
    FROM room WHERE room.hour_over AND (room.stored).hour_triggered > 0
  ON CONFLICT (instance_id, hour_start) DO UPDATE SET messages = greatest(triggered_hour.messages, excluded.messages)),
prefixes AS (
  INSERT INTO prefix_hour (instance_id, prefix, hour_start, messages)
  SELECT room.instance_id, left(leased.phone, -4), room.hour_end - interval '1 hour', count(*)
    FROM room JOIN leased ON leased.instance_id = room.instance_id
   WHERE room.per_prefix > 0 AND leased.counts
   GROUP BY room.instance_id, left(leased.phone, -4), room.hour_end
  ON CONFLICT (instance_id, prefix, hour_start) DO UPDATE SET messages = prefix_hour.messages + excluded.messages),
put_off AS (
  UPDATE dispatch d SET due_time = crowded.hour_end FROM crowded WHERE d.message_id = crowded.message_id),
held AS (
  INSERT INTO ledger_entry (instance_id, kind, message_id, amount_micros)
  SELECT instance_id, 2, message_id, to_hold FROM leased WHERE to_hold IS NOT NULL),
remaining AS (
  SELECT fund.instance_id,
         fund.available_micros - coalesce(
           (SELECT sum(leased.to_hold) FROM leased WHERE leased.instance_id = fund.instance_id), 0) AS micros,
         EXISTS (SELECT FROM wanted
                  WHERE wanted.instance_id = fund.instance_id AND wanted.admitted AND wanted.price > 0
                    AND wanted.price_so_far > wanted.available_micros) AS short
    FROM fund),
topped_up AS MATERIALIZED (
  SELECT remaining.instance_id, remaining.short,
         open_automatic_top_up(remaining.instance_id, remaining.micros::bigint, remaining.short) AS wait_until
    FROM remaining JOIN auto_buy ON auto_buy.instance_id = remaining.instance_id
   WHERE auto_buy.enabled AND (remaining.short OR remaining.micros < auto_buy.threshold_micros)),
waits AS (
  UPDATE balance b SET waits_until = topped_up.wait_until
    FROM topped_up
   WHERE b.instance_id = topped_up.instance_id
     AND topped_up.short AND topped_up.wait_until > clock_timestamp()),
unpaid AS (
  SELECT wanted.message_id FROM wanted
   WHERE wanted.admitted AND wanted.price > 0 AND wanted.price_so_far > wanted.available_micros
     AND NOT EXISTS (SELECT FROM topped_up
                      WHERE topped_up.instance_id = wanted.instance_id
                        AND topped_up.wait_until > clock_timestamp())),
stopping AS MATERIALIZED (
  SELECT m.id, m.status, stop.new_status, stop.reason
    FROM (SELECT message_id, 5 AS new_status, reason FROM seen WHERE ended OR reason IS NOT NULL
          UNION ALL
          SELECT message_id, 5, 'POLICY.FREQUENCY_CAP' FROM capped
          UNION ALL
          SELECT message_id, 6, NULL FROM unpaid) stop
    JOIN message m ON m.id = stop.message_id
   ORDER BY m.id FOR UPDATE OF m SKIP LOCKED),
stopped AS (
  DELETE FROM dispatch d USING stopping WHERE d.message_id = stopping.id
  RETURNING d.*, stopping.status, stopping.new_status),
resolved AS (
  INSERT INTO ledger_entry (instance_id, kind, message_id, amount_micros)
  SELECT instance_id, CASE WHEN status > 2 THEN 3 ELSE 4 END, message_id, cost_micros FROM stopped WHERE held),
parked AS (
  INSERT INTO unfunded (message_id, instance_id, sending_number_id, mass_message_id, priority, zones, segments,
                        cost_micros, valid_until)
  SELECT message_id, instance_id, sending_number_id, mass_message_id, priority, zones, segments, cost_micros,
         valid_until
    FROM stopped WHERE new_status = 6),
ended AS (
  UPDATE message m SET status = stopping.new_status, version = m.version + 1, reject_reason = stopping.reason
    FROM stopping WHERE m.id = stopping.id AND stopping.status IN (1, 2)
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version, m.status, m.reject_reason,
            stopping.status AS previous_status),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status, reject_reason)
  SELECT instance_id, id, mass_message_id, version, status, previous_status, reject_reason FROM ended)
SELECT place, message_id, fence, failures, carrier AS last_carrier, e164, phone, body_id, segments, valid_until
  FROM leased ORDER BY priority, due_time, message_id;

-- name: intend
-- Records, just before the carrier is asked, that it may have been. A row comes back only if the lease
-- will outlast the call, nothing has ended the message since the claim (a STOP, or a late receipt), and,
-- of a message that quiet hours may hold, the time is still one that was found free of them and the
-- settings are those that it was found by.
-- In parallel: $1 message ids, $2 fences, $5 versions of the instance (NULL: never held), $6 and $7 from when
-- until when it is not quiet, $8 what is kept as the proof of that, $10 what the carrier is told as the sender
-- (NULL: the number). $3 owner, $4 seconds that the lease must still have, $9 the carrier: whoever clears up a
-- doubt asks that one, also after the number was given to another.
WITH wanted AS (
  SELECT * FROM unnest($1::uuid[], $2::int[], $5::int[], $6::timestamptz[], $7::timestamptz[], $8::text[],
                       $10::text[])
    AS wanted (message_id, fence, settings_version, open_since, open_until, quiet_check, sender)),
intended AS (
  UPDATE dispatch d SET submitting_time = clock_timestamp(), attempts = d.attempts + 1, carrier = $9,
                        sender = wanted.sender
    FROM wanted
   WHERE d.message_id = wanted.message_id AND d.fence = wanted.fence AND d.owner IS NOT DISTINCT FROM $3
     AND d.lease_until > clock_timestamp() + make_interval(secs => $4)
     AND NOT EXISTS (SELECT FROM message m
                      WHERE m.id = wanted.message_id
                        AND (m.status > 2 OR (m.kind <> 3 AND EXISTS (
                              SELECT FROM suppression s
                               WHERE s.e164 = m.phone
                                 AND (s.instance_id IS NULL OR s.instance_id = m.instance_id)))))
     AND CASE WHEN wanted.settings_version IS NULL THEN true
              ELSE wanted.settings_version = (SELECT i.version FROM instance i WHERE i.id = d.instance_id)
                   AND clock_timestamp() >= wanted.open_since AND clock_timestamp() < wanted.open_until END
  RETURNING d.message_id, d.attempts, wanted.settings_version, wanted.quiet_check),
changed AS (
  UPDATE message m SET status = 2, version = m.version + 1, quiet_check = intended.quiet_check
    FROM intended WHERE m.id = intended.message_id AND m.status = 1
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version),
checked_again AS (
  UPDATE message m SET quiet_check = intended.quiet_check
    FROM intended
   WHERE intended.settings_version IS NOT NULL AND m.id = intended.message_id AND m.status = 2
     AND m.quiet_check IS DISTINCT FROM intended.quiet_check),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status)
  SELECT instance_id, id, mass_message_id, version, 2, 1 FROM changed)
SELECT message_id, attempts FROM intended;

-- name: settle
-- Ends the work on messages whose outcome is final: the queue row goes, the attempt is recorded, the
-- status moves forward. A fence that no longer matches means that the lease was lost: nothing changes.
-- What was held is captured when the carrier took the message, and released when it did not. A message
-- that a receipt has moved on already keeps its status; the carrier took it, by whichever attempt, so its
-- price is captured. That is read under the lock of the message, before the change. The ids come sorted:
-- everything that changes several messages does so in id order. IS NOT DISTINCT FROM keeps the planner to the primary
-- key: the index on owner is full of rows that are gone.
-- A receipt may have recorded an attempt before: each adds to it what it knows. Attempts come after messages,
-- as they do where receipts are applied. Of parts with the same id the newest counts; an empty id is nobody's.
-- A receipt that came before is looked at again at once; one that is being looked at has its next look soon.
-- $1 owner, then in parallel: ids, fences, statuses, reasons, carriers, outcomes, carrier message ids,
-- carrier codes, how many parts a receipt will name by an id (NULL: none), and how many of $12, the ids of all
-- those parts in the order of the answers, come before its own.
WITH outcome AS (
  SELECT * FROM unnest($2::uuid[], $3::int[], $4::smallint[], $5::text[], $6::text[], $7::smallint[],
                       $8::text[], $9::text[], $10::smallint[], $11::int[])
    AS outcome (message_id, fence, status, reason, carrier, outcome, carrier_message_id, carrier_code, parts,
                parts_before)),
done AS (
  DELETE FROM dispatch d USING outcome
   WHERE d.message_id = outcome.message_id AND d.fence = outcome.fence AND d.owner IS NOT DISTINCT FROM $1
  RETURNING d.message_id, d.instance_id, d.cost_micros, d.held, d.attempts, d.submitting_time,
            outcome.status, outcome.reason, outcome.carrier, outcome.outcome, outcome.carrier_message_id,
            outcome.carrier_code, outcome.parts, outcome.parts_before),
refused AS MATERIALIZED (
  SELECT m.id, m.status FROM done JOIN message m ON m.id = done.message_id
   WHERE done.status = 5 ORDER BY m.id FOR UPDATE OF m),
paid AS (
  INSERT INTO ledger_entry (instance_id, kind, message_id, amount_micros)
  SELECT done.instance_id, CASE WHEN refused.status <= 2 THEN 4 ELSE 3 END, done.message_id, done.cost_micros
    FROM done LEFT JOIN refused ON refused.id = done.message_id WHERE done.held),
changed AS (
  UPDATE message m SET status = done.status, version = m.version + 1, reject_reason = done.reason
    FROM done
   WHERE m.id = done.message_id AND m.status = 2
     AND (done.status <> 5 OR done.message_id IN (SELECT refused.id FROM refused))
  RETURNING m.instance_id, m.id, m.mass_message_id, m.version, m.status, m.reject_reason),
event AS (
  INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status, reject_reason)
  SELECT instance_id, id, mass_message_id, version, status, 2, reject_reason FROM changed),
recorded AS (
  INSERT INTO attempt (message_id, number, carrier, outcome, carrier_message_id, reason, carrier_code, submit_time)
  SELECT message_id, attempts, carrier, outcome, carrier_message_id, reason, carrier_code, submitting_time
    FROM done
   WHERE outcome > 0 AND attempts > 0 AND submitting_time IS NOT NULL AND (SELECT count(*) FROM changed) >= 0
  ON CONFLICT (message_id, number) DO UPDATE
    SET carrier = excluded.carrier, outcome = excluded.outcome, submit_time = excluded.submit_time,
        carrier_message_id = coalesce(excluded.carrier_message_id, attempt.carrier_message_id),
        reason = coalesce(attempt.reason, excluded.reason),
        carrier_code = coalesce(attempt.carrier_code, excluded.carrier_code), settle_time = clock_timestamp()),
submitted AS (
  INSERT INTO submitted_part AS p (carrier, carrier_message_id, message_id, attempt, part, parts, submit_time)
  SELECT DISTINCT ON (done.carrier, named.id)
         done.carrier, named.id, done.message_id, done.attempts, named.part, done.parts, clock_timestamp()
    FROM done
   CROSS JOIN LATERAL (SELECT part, ($12::text[])[done.parts_before + part] AS id
                         FROM generate_series(1, done.parts) AS part) named
   WHERE done.parts > 0 AND named.id <> ''
   ORDER BY done.carrier, named.id, done.parts_before + named.part DESC
  ON CONFLICT (carrier, carrier_message_id) DO UPDATE
    SET message_id = excluded.message_id, attempt = excluded.attempt, part = excluded.part,
        parts = excluded.parts, state = NULL, submit_time = excluded.submit_time
  RETURNING p.carrier, p.carrier_message_id),
overtaken AS (
  UPDATE parked_receipt k SET due_time = clock_timestamp()
   WHERE k.ctid = ANY (ARRAY (
           SELECT e.ctid FROM submitted JOIN parked_receipt e USING (carrier, carrier_message_id)
              FOR UPDATE OF e SKIP LOCKED)))
SELECT message_id FROM done;

-- name: give_back
-- Returns messages that surely did not reach the carrier to the queue, due again after a pause; without
-- one they keep their place. Their price stays held.
-- $1 owner, then in parallel: ids, fences, seconds of pause, failures to add, carriers, outcomes,
-- reasons, carrier codes. Outcome 0 stands for no hand-over at all: no attempt is recorded.
WITH outcome AS (
  SELECT * FROM unnest($2::uuid[], $3::int[], $4::float8[], $5::smallint[], $6::text[], $7::smallint[],
                       $8::text[], $9::text[])
    AS outcome (message_id, fence, pause, failures, carrier, outcome, reason, carrier_code)),
back AS (
  UPDATE dispatch d
     SET owner = NULL, lease_until = NULL, submitting_time = NULL, in_doubt_since = NULL,
         due_time = CASE WHEN outcome.pause > 0 THEN clock_timestamp() + make_interval(secs => outcome.pause)
                         ELSE d.due_time END,
         failures = d.failures + outcome.failures
    FROM outcome
   WHERE d.message_id = outcome.message_id AND d.fence = outcome.fence AND d.owner IS NOT DISTINCT FROM $1
  RETURNING d.message_id, d.attempts, outcome.carrier, outcome.outcome, outcome.reason, outcome.carrier_code),
recorded AS (
  INSERT INTO attempt (message_id, number, carrier, outcome, reason, carrier_code, submit_time)
  SELECT message_id, attempts, carrier, outcome, reason, carrier_code, clock_timestamp()
    FROM back WHERE outcome > 0 AND attempts > 0
  ON CONFLICT DO NOTHING)
SELECT message_id FROM back;

-- name: bodies
-- Reads the texts of messages about to be handed over.
SELECT id, text FROM body WHERE id = ANY ($1::uuid[]);

-- name: queue_depth
-- Counts what is outstanding, for the metrics. Runs once every few seconds, never for each message.
SELECT count(*) FILTER (WHERE owner IS NULL AND in_doubt_since IS NULL) AS ready,
       count(*) FILTER (WHERE owner IS NOT NULL) AS leased,
       count(*) FILTER (WHERE in_doubt_since IS NOT NULL) AS in_doubt
  FROM dispatch;
