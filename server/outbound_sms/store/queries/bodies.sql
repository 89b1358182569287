-- name: insert_for_mass_message
-- The texts of a mass message, one for each company and language; the expansion points at them.
INSERT INTO body (instance_id, mass_message_id, company_id, language, text, encoding, characters,
                  billable_segments, carrier_segments)
SELECT $1, $2, b.*
  FROM unnest($3::uuid[], $4::text[], $5::text[], $6::smallint[], $7::smallint[], $8::smallint[],
              $9::smallint[]) b;
