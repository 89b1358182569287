-- name: store_receipts
-- Stores receipts that name nothing but the carrier's id, before the carrier is told that they were taken, and
-- parks those whose id is nobody's yet. Returns, by carrier, how many were parked for too long already: they are
-- dropped.
--   of a message in one part   the receipt is that of its attempt
--   of one in several parts    the state of the part is kept; the message has a receipt as soon as one part has
--                              failed, or when the last was delivered. That one was sent says nothing new
--   of an id that is unknown   its recipient and reference may name the one attempt in doubt that it can be of,
--                              and prove that the carrier took it. That one part of several was delivered
--                              proves no more than that
-- Whoever stores receipts for parts of one message locks all of them, in the order of the key, so that the last
-- one sees what the others have stored. Parked receipts come before parts, and those before the inbox.
-- In parallel, in the order of arrival: $1 carriers, $2 their ids, $3 states, $4 reasons, $5 carrier codes,
-- $6 recipients, $7 references, $8 and $9 the message and the attempt where they are known and the message has
-- one part, $10 when it came first (NULL: now). $11 how long one stays parked, $12 and $13 the shortest and the
-- longest pause until the next look at it. $14 the message where it is known and has several parts: an SMSC that
-- begins anew gives its ids again, and what is stored of one may still be of the older message.
WITH given AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::integer[],
                       $8::uuid[], $9::smallint[], $10::timestamptz[], $14::uuid[])
    WITH ORDINALITY AS given (carrier, carrier_message_id, state, reason, carrier_code, e164, reference, message_id,
                              attempt, receive_time, of_message, place)),
found AS MATERIALIZED (
  SELECT given.place, given.carrier, given.carrier_message_id, given.reason, given.carrier_code, given.e164,
         given.reference, arrival.now,
         coalesce(given.receive_time, arrival.now + given.place * interval '1 microsecond') AS receive_time,
         coalesce(given.message_id, part.message_id, doubtful.message_id) AS message_id,
         coalesce(given.attempt, part.attempt, doubtful.attempts) AS attempt,
         coalesce(part.parts, 1) AS parts,
         CASE WHEN doubtful.carrier_segments > 1 AND given.state = 3 THEN 2 ELSE given.state END AS state
    FROM given
   CROSS JOIN (SELECT clock_timestamp() AS now) arrival
    LEFT JOIN submitted_part part
           ON part.carrier = given.carrier
          AND part.carrier_message_id = CASE WHEN given.message_id IS NULL THEN given.carrier_message_id END
          AND part.message_id = coalesce(given.of_message, part.message_id)
    LEFT JOIN LATERAL (
      SELECT (array_agg(d.message_id))[1] AS message_id, min(d.attempts) AS attempts,
             min(m.carrier_segments) AS carrier_segments
        FROM message m JOIN dispatch d ON d.message_id = m.id
       WHERE given.message_id IS NULL AND part.message_id IS NULL
         AND (SELECT any_doubt.message_id FROM dispatch any_doubt
               WHERE any_doubt.in_doubt_since IS NOT NULL ORDER BY any_doubt.due_time LIMIT 1) IS NOT NULL
         AND m.phone = given.e164 AND d.in_doubt_since IS NOT NULL AND d.carrier = given.carrier
         AND message_reference(d.message_id, d.attempts) = given.reference
      HAVING count(*) = 1) doubtful ON true),
parked AS (
  INSERT INTO parked_receipt (carrier, carrier_message_id, state, reason, carrier_code, e164, reference,
                              receive_time, due_time)
  SELECT carrier, carrier_message_id, state, reason, carrier_code, e164, reference, receive_time,
         least(receive_time + $11::interval,
               now + greatest($12::interval, least(now - receive_time, $13::interval)))
    FROM found
   WHERE message_id IS NULL AND receive_time + $11 > now
   ORDER BY carrier, carrier_message_id, state, place
  ON CONFLICT DO NOTHING
  RETURNING 1),
known AS MATERIALIZED (
  SELECT p.message_id, p.attempt, p.parts, p.state
    FROM (SELECT DISTINCT message_id, attempt FROM found WHERE parts > 1 AND state > 2) wanted
    JOIN submitted_part p ON p.message_id = wanted.message_id AND p.attempt = wanted.attempt AND p.parts > 1
   WHERE (SELECT count(*) FROM parked) >= 0
   ORDER BY p.carrier, p.carrier_message_id FOR UPDATE OF p),
told AS (
  UPDATE submitted_part p SET state = first.state
    FROM (SELECT DISTINCT ON (carrier, carrier_message_id) *
            FROM found WHERE parts > 1 AND state > 2 ORDER BY carrier, carrier_message_id, place) first
   WHERE p.carrier = first.carrier AND p.carrier_message_id = first.carrier_message_id
     AND p.message_id = first.message_id AND p.attempt = first.attempt AND p.state IS NULL
     AND (SELECT count(*) FROM known) >= 0
  RETURNING p.message_id, p.attempt, p.parts, p.state, first.place, first.carrier, first.carrier_message_id,
            first.reason, first.carrier_code, first.receive_time),
ended AS (
  SELECT DISTINCT ON (message_id, attempt) *
    FROM (SELECT part.*, count(*) FILTER (WHERE state = 3) OVER (PARTITION BY message_id, attempt) AS delivered
            FROM (SELECT message_id, attempt, parts, state, NULL AS place, NULL AS carrier, NULL AS carrier_message_id,
                         NULL AS reason, NULL AS carrier_code, NULL::timestamptz AS receive_time
                    FROM known
                  UNION ALL
                  SELECT message_id, attempt, parts, state, place, carrier, carrier_message_id, reason, carrier_code,
                         receive_time
                    FROM told) part) counted
   WHERE place IS NOT NULL AND (state > 3 OR delivered = parts)
   ORDER BY message_id, attempt, state > 3 DESC, place),
stored AS (
  INSERT INTO receipt (message_id, attempt, state, carrier, carrier_message_id, reason, carrier_code, receive_time)
  SELECT message_id, attempt, state, carrier, carrier_message_id, reason, carrier_code, receive_time
    FROM (SELECT message_id, attempt, state, place, carrier, carrier_message_id, reason, carrier_code, receive_time
            FROM found WHERE message_id IS NOT NULL AND parts = 1
          UNION ALL
          SELECT message_id, attempt, state, place, carrier, carrier_message_id, reason, carrier_code, receive_time
            FROM ended) receipt
   ORDER BY message_id, attempt, place
  ON CONFLICT DO NOTHING)
SELECT carrier, count(*) FROM found WHERE message_id IS NULL AND receive_time + $11 <= now GROUP BY carrier;

-- name: parked_is_due
-- Whether a parked receipt is to be looked at again.
SELECT EXISTS (SELECT FROM parked_receipt WHERE due_time <= clock_timestamp());

-- name: take_parked
-- Takes parked receipts that are to be looked at again, at most $1, so that they are stored anew in the same
-- transaction. Two processes take different ones.
DELETE FROM parked_receipt p
 WHERE p.ctid = ANY (ARRAY (
         SELECT e.ctid FROM parked_receipt e
          WHERE e.due_time <= clock_timestamp() ORDER BY e.due_time LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING carrier, carrier_message_id, state, reason, carrier_code, e164, reference, receive_time;

-- name: forget_old
-- Forgets parts older than $1, a few at a time ($2), oldest first. What comes for them is then of nobody.
DELETE FROM submitted_part
 WHERE ctid = ANY (ARRAY (
   SELECT ctid FROM submitted_part WHERE submit_time < clock_timestamp() - $1::interval
    ORDER BY submit_time LIMIT $2));

-- name: forget_final
-- Forgets parts of messages that have come to an end, of $3 parts that are older than $2, from those after $1
-- on. Returns how many were looked at, and the time of the last.
WITH looked AS MATERIALIZED (
  SELECT p.ctid AS place, p.message_id, p.submit_time FROM submitted_part p
   WHERE p.submit_time > $1 AND p.submit_time < clock_timestamp() - $2::interval
   ORDER BY p.submit_time LIMIT $3),
forgotten AS (
  DELETE FROM submitted_part p
   WHERE p.ctid = ANY (ARRAY (
           SELECT looked.place FROM looked JOIN message m ON m.id = looked.message_id WHERE m.status > 3)))
SELECT count(*) AS looked_at, max(submit_time) AS until FROM looked;
