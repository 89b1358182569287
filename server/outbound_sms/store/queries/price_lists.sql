-- name: create
-- No row for a time before now: a price list never reaches back. $1 currency, $2 time or NULL for now, and in
-- parallel $3 countries, $4 encodings, $5 prices.
WITH made AS (
  INSERT INTO price_list (currency, effective_time)
  SELECT $1, coalesce($2::timestamptz, moment.now)
    FROM (SELECT clock_timestamp() AS now) moment
   WHERE $2::timestamptz IS NULL OR $2::timestamptz >= moment.now
  RETURNING version, currency, effective_time, create_time),
priced AS (
  INSERT INTO segment_price (version, country, encoding, price_micros)
  SELECT m.version, p.country, p.encoding, p.price_micros
    FROM made m, unnest($3::text[], $4::smallint[], $5::bigint[]) AS p (country, encoding, price_micros)
  RETURNING country, encoding, price_micros)
SELECT m.currency, m.version AS price_version, m.effective_time AS price_effective_time,
       m.create_time AS price_create_time, s.*
  FROM made m
 CROSS JOIN (
    SELECT array_agg(p.country ORDER BY p.country, p.encoding) AS price_countries,
           array_agg(p.encoding ORDER BY p.country, p.encoding) AS price_encodings,
           array_agg(p.price_micros ORDER BY p.country, p.encoding) AS price_micros
      FROM priced p) s;

-- name: is_past
-- The rule of `create`, to tell of it together with what else is wrong.
SELECT $1::timestamptz < clock_timestamp();

-- name: list
-- Versions grow with time, so this is newest first. The first one of a currency applies from the beginning.
SELECT l.currency, l.version AS price_version, nullif(l.effective_time, '-infinity') AS price_effective_time,
       l.create_time AS price_create_time, s.*
  FROM price_list l
 CROSS JOIN LATERAL (
    SELECT array_agg(p.country ORDER BY p.country, p.encoding) AS price_countries,
           array_agg(p.encoding ORDER BY p.country, p.encoding) AS price_encodings,
           array_agg(p.price_micros ORDER BY p.country, p.encoding) AS price_micros
      FROM segment_price p WHERE p.version = l.version) s
 WHERE ($1::text IS NULL OR l.currency = $1) AND ($2::integer IS NULL OR l.version < $2)
 ORDER BY l.version DESC LIMIT $3;

-- name: in_force_and_upcoming
-- The price list of a currency in force now and, of those that follow, the first $2. Of several that begin
-- at one time the last version counts.
SELECT l.currency, l.version AS price_version, nullif(l.effective_time, '-infinity') AS price_effective_time,
       l.create_time AS price_create_time, l.upcoming, s.*
  FROM (SELECT DISTINCT ON (found.effective_time) found.*, found.effective_time > moment.now AS upcoming
          FROM (SELECT clock_timestamp() AS now OFFSET 0) moment
         CROSS JOIN LATERAL (
            SELECT f.* FROM price_list f
             WHERE f.version = price_list_in_force($1::text, moment.now)
                OR (f.currency = $1 AND f.effective_time > moment.now)) found
         ORDER BY found.effective_time, found.version DESC
         LIMIT $2::integer + 1) l
 CROSS JOIN LATERAL (
    SELECT array_agg(p.country ORDER BY p.country, p.encoding) AS price_countries,
           array_agg(p.encoding ORDER BY p.country, p.encoding) AS price_encodings,
           array_agg(p.price_micros ORDER BY p.country, p.encoding) AS price_micros
      FROM segment_price p WHERE p.version = l.version) s
 ORDER BY l.effective_time;
