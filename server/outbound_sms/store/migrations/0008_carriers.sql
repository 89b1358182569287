-- Several carriers for a sending number, receipts that name nothing but the carrier's id, the scope of a
-- STOP, and limits against fraud.

-- Carriers that share the texts of a number, in parallel; empty: `carrier` alone takes them. What the carrier
-- is told as the sender is NULL where it is the number.
ALTER TABLE sending_number
  ADD COLUMN route_carriers text[] NOT NULL DEFAULT '{}',
  ADD COLUMN route_weights smallint[] NOT NULL DEFAULT '{}',
  ADD COLUMN route_senders text[] NOT NULL DEFAULT '{}',
  ADD CONSTRAINT sending_number_routes CHECK (
    cardinality(route_carriers) = cardinality(route_weights)
    AND cardinality(route_carriers) = cardinality(route_senders)
    AND (cardinality(route_carriers) = 0 OR carrier = ANY (route_carriers)));

-- Which carrier the last intent names, and as what sender: whoever clears up a doubt must ask that one.
ALTER TABLE dispatch
  ADD COLUMN carrier text,
  ADD COLUMN sender text;

-- The scope of a STOP --------------------------------------------------------------------------------------

-- Whom a STOP stops. In the database, because all processes must agree: 1 every instance, 2 the instance whose
-- number was written to. What was said before a change stays as it was said.
CREATE TABLE opt_out_policy (
  only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  scope     smallint NOT NULL DEFAULT 1 CHECK (scope IN (1, 2))
);
INSERT INTO opt_out_policy DEFAULT VALUES;
GRANT SELECT ON opt_out_policy TO outbound_sms_api, outbound_sms_dispatcher;

-- NULL: nobody may text the number; else only this instance may not.
ALTER TABLE suppression ADD COLUMN instance_id uuid REFERENCES instance;
ALTER TABLE suppression DROP CONSTRAINT suppression_pkey;
CREATE UNIQUE INDEX suppression_once ON suppression (e164, instance_id) NULLS NOT DISTINCT;

-- As before, but contacts are found by their account only: IS TRUE and num_nonnulls keep the planner from the
-- index of all contacts of the instance, and so does the policy. It takes an instance that it has no statistics
-- of for one of a single contact, as after a first import, and would read them all once for each account: a send
-- of 20,000 would not begin before the tables are analysed again, which in a large service may be weeks.
CREATE OR REPLACE FUNCTION mass_contacts(
  in_instance uuid, audience jsonb, created_by timestamptz, after_account uuid, last_account uuid)
RETURNS TABLE (account_id uuid, company_id uuid, contact_id uuid, is_primary boolean, language text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT a.account_id, a.company_id, k.id, k.is_primary, coalesce(k.language, a.language)
    FROM mass_accounts(in_instance, audience, created_by, after_account, last_account) a
    JOIN contact k ON k.account_id = a.account_id
   WHERE (k.instance_id = in_instance) IS TRUE
     AND num_nonnulls(k.delete_time) = 0
     AND k.create_time <= created_by
     AND (audience_ids(audience, 'message_category_ids') IS NULL
          OR k.message_category_ids && audience_ids(audience, 'message_category_ids'))
     AND (audience_texts(audience, 'languages') IS NULL
          OR coalesce(k.language, a.language) = ANY (audience_texts(audience, 'languages')))
$$;

ALTER POLICY tenant ON contact
  USING ((instance_id = NULLIF(current_setting('app.instance_id', true), '')::uuid) IS TRUE);

-- As before, with the scope of suppressions.
CREATE OR REPLACE FUNCTION mass_numbers(
  in_instance uuid, audience jsonb, created_by timestamptz, after_account uuid, last_account uuid)
RETURNS TABLE (account_id uuid, company_id uuid, contact_id uuid, is_primary boolean, language text,
               phone_number_id uuid, e164 text, country text, left_out integer)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT k.account_id, k.company_id, k.contact_id, k.is_primary, k.language, p.id, p.e164, p.country,
         CASE WHEN p.country NOT IN ('US', 'CA') OR left(p.e164, 5) IN ('+1900', '+1976') THEN 3
              WHEN NOT t.sms_capable THEN 2
              WHEN NOT p.sms_opt_in THEN 1
              WHEN everybody.e164 IS NOT NULL OR one.e164 IS NOT NULL THEN 4
              ELSE 0 END
    FROM mass_contacts(in_instance, audience, created_by, after_account, last_account) k
    JOIN phone_number p ON p.contact_id = k.contact_id
    JOIN phone_number_type t ON t.id = p.phone_number_type_id
    LEFT JOIN suppression everybody ON everybody.e164 = p.e164 AND everybody.instance_id IS NULL
    LEFT JOIN suppression one ON one.e164 = p.e164 AND one.instance_id = in_instance
   WHERE p.create_time <= created_by
$$;

-- Receipts by the carrier's id -----------------------------------------------------------------------------

-- The number that a carrier may send back with a receipt in place of the id of a submission whose answer was
-- lost (SMPP 3.4, 5.3.2.17 user_message_reference). The same as domain/message_reference.py.
CREATE FUNCTION message_reference(message_id uuid, attempt integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('x' || left(md5(message_id::text || ':' || attempt::text), 4))::bit(16)::integer
$$;

-- Each part that a carrier took of a message and will speak of by an id of its own; the receipts so far.
-- Carriers that call an address of ours with the attempt in it have none.
CREATE TABLE submitted_part (
  carrier             text NOT NULL,
  carrier_message_id  text NOT NULL,
  message_id          uuid NOT NULL,
  attempt             smallint NOT NULL,
  part                smallint NOT NULL,               -- 1 ... parts
  parts               smallint NOT NULL,
  state               smallint,                        -- of the final receipt: 3 delivered 4 undelivered 5 failed
  submit_time         timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (carrier, carrier_message_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX submitted_part_message ON submitted_part (message_id) WHERE parts > 1;       -- all parts of one
CREATE INDEX submitted_part_age ON submitted_part (submit_time);                          -- forget

-- Receipts whose id is nobody's yet: they may have overtaken the answer to the submission. Kept 15 minutes,
-- and looked at again after longer and longer pauses.
CREATE TABLE parked_receipt (
  carrier             text NOT NULL,
  carrier_message_id  text NOT NULL,
  state               smallint NOT NULL,               -- 2 sent 3 delivered 4 undelivered 5 failed
  reason              text,
  carrier_code        text,
  e164                text,                            -- the recipient, where the receipt says it
  reference           integer,                         -- message_reference, where the receipt has it
  receive_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_time            timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (carrier, carrier_message_id, state)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);
CREATE INDEX parked_receipt_due ON parked_receipt (due_time);                             -- match, count out

-- Limits against fraud -------------------------------------------------------------------------------------

-- One row an instance: the limits, and what has been handed to carriers under them, kept by the claim under
-- the lock of the row. 0: no limit. Counters are those of the minute, day and hour that end then.
CREATE TABLE sending_limit (
  instance_id        uuid PRIMARY KEY REFERENCES instance,
  per_minute         integer NOT NULL DEFAULT 0 CHECK (per_minute >= 0),
  per_day            integer NOT NULL DEFAULT 0 CHECK (per_day >= 0),
  spend_per_day      bigint NOT NULL DEFAULT 0 CHECK (spend_per_day >= 0),                -- micros
  per_number         integer NOT NULL DEFAULT 10 CHECK (per_number >= 0),                 -- in 24 hours
  per_prefix         integer NOT NULL DEFAULT 0 CHECK (per_prefix >= 0),                  -- in an hour
  surge_multiple     integer NOT NULL DEFAULT 5 CHECK (surge_multiple = 0 OR surge_multiple BETWEEN 2 AND 100),
  version            integer NOT NULL DEFAULT 1,
  minute_end         timestamptz NOT NULL DEFAULT '-infinity',
  minute_messages    integer NOT NULL DEFAULT 0,
  day_end            timestamptz NOT NULL DEFAULT '-infinity',
  day_messages       integer NOT NULL DEFAULT 0,
  day_spent          bigint NOT NULL DEFAULT 0,
  spend_reached      boolean NOT NULL DEFAULT false,   -- what is left of the day's money was too little for a text
  hour_end           timestamptz NOT NULL DEFAULT '-infinity',
  hour_triggered     integer NOT NULL DEFAULT 0,
  usual_triggered    integer NOT NULL DEFAULT 0,       -- the most in an hour of the seven days before
  surge_floor        integer NOT NULL DEFAULT 100,     -- as many in an hour are never a surge
  surge_pause_time   timestamptz,                      -- since when triggered messages are paused
  surge_allowed_until timestamptz NOT NULL DEFAULT '-infinity'   -- somebody let them go: no new pause before
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_cost_delay = 0);

-- Triggered messages handed to carriers in each hour that is over, for the usual of the instance.
CREATE TABLE triggered_hour (
  instance_id  uuid NOT NULL REFERENCES instance,
  hour_start   timestamptz NOT NULL,
  messages     integer NOT NULL,
  PRIMARY KEY (instance_id, hour_start)
);

-- Messages to numbers that share all but their last four digits, by hour; only where there is a limit.
CREATE TABLE prefix_hour (
  instance_id  uuid NOT NULL REFERENCES instance,
  prefix       text NOT NULL,                          -- E.164 less four digits
  hour_start   timestamptz NOT NULL,
  messages     integer NOT NULL,
  PRIMARY KEY (instance_id, prefix, hour_start)
);

-- Limits that a claim has run into, for the operator's log and metrics: whoever has told of one deletes it.
CREATE TABLE sending_alert (
  id           uuid PRIMARY KEY DEFAULT new_id(),
  instance_id  uuid NOT NULL REFERENCES instance,
  kind         smallint NOT NULL CHECK (kind BETWEEN 2 AND 5),   -- 2 day 3 spend 4 surge 5 prefix
  messages     integer NOT NULL                        -- counted so far; of a prefix: made to wait
);

-- The row as it is at a moment: counters of a minute, day or hour that is over begin anew. One that ends later
-- than it can has been counted by a clock that was set back since, and begins anew too. Between two ends of a
-- day there are 23 hours at least, so that nobody gains a day by changing the time zone.
CREATE FUNCTION sending_limit_at(counted sending_limit, time_zone text, moment timestamptz) RETURNS sending_limit
LANGUAGE plpgsql STABLE AS $$
DECLARE
  day_before constant timestamptz := counted.day_end;
  this_hour constant timestamptz := date_trunc('hour', moment, 'UTC');
BEGIN
  IF counted.minute_end <= moment OR counted.minute_end > moment + interval '2 minutes' THEN
    counted.minute_end := date_trunc('minute', moment) + interval '1 minute';
    counted.minute_messages := 0;
  END IF;
  IF counted.day_end <= moment OR counted.day_end > moment + interval '3 days' THEN
    counted.day_end := (date_trunc('day', moment AT TIME ZONE time_zone) + interval '1 day') AT TIME ZONE time_zone;
    IF day_before <= moment AND counted.day_end < day_before + interval '23 hours' THEN
      counted.day_end := (date_trunc('day', moment AT TIME ZONE time_zone) + interval '2 days') AT TIME ZONE time_zone;
    END IF;
    counted.day_messages := 0;
    counted.day_spent := 0;
    counted.spend_reached := false;
  END IF;
  IF counted.hour_end <= moment OR counted.hour_end > moment + interval '2 hours' THEN
    SELECT greatest(max(h.messages),
                    CASE WHEN counted.hour_end > this_hour - interval '7 days' THEN counted.hour_triggered END, 0)
      INTO counted.usual_triggered
      FROM triggered_hour h
     WHERE h.instance_id = counted.instance_id
       AND h.hour_start >= this_hour - interval '7 days' AND h.hour_start < this_hour;
    -- The invoices of a month go to every account within an hour, after weeks without any.
    SELECT greatest(2 * count(*), 100) INTO counted.surge_floor
      FROM account a WHERE a.instance_id = counted.instance_id;
    counted.hour_end := this_hour + interval '1 hour';
    counted.hour_triggered := 0;
  END IF;
  RETURN counted;
END $$;

-- Which limits hold messages back at a moment: 1 minute 2 day 3 spend 4 surge, which holds triggered ones only.
CREATE FUNCTION sending_limits_reached(counted sending_limit, moment timestamptz) RETURNS smallint[]
LANGUAGE sql STABLE AS $$
  SELECT array_remove(ARRAY[
    CASE WHEN counted.per_minute > 0 AND counted.minute_messages >= counted.per_minute
          AND counted.minute_end > moment AND counted.minute_end <= moment + interval '2 minutes' THEN 1 END,
    CASE WHEN counted.per_day > 0 AND counted.day_messages >= counted.per_day
          AND counted.day_end > moment AND counted.day_end <= moment + interval '3 days' THEN 2 END,
    CASE WHEN counted.spend_reached
          AND counted.day_end > moment AND counted.day_end <= moment + interval '3 days' THEN 3 END,
    CASE WHEN counted.surge_pause_time IS NOT NULL THEN 4 END]::smallint[], NULL)
$$;

-- Until when a limit of the minute or of the day holds messages back; NULL when none does.
CREATE FUNCTION sending_limits_until(counted sending_limit, moment timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN reached && '{2,3}' THEN counted.day_end WHEN reached && '{1}' THEN counted.minute_end END
    FROM sending_limits_reached(counted, moment) AS reached
$$;

-- How many messages have gone in an hour to numbers with each of some prefixes. It looks anew (VOLATILE):
-- whoever calls it with the row of the limits locked sees what the last one to have it locked has counted.
CREATE FUNCTION prefix_messages(in_instance uuid, in_hour timestamptz, prefixes text[])
RETURNS TABLE (prefix text, messages integer)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN QUERY SELECT p.prefix, p.messages FROM prefix_hour p
                WHERE p.instance_id = in_instance AND p.hour_start = in_hour AND p.prefix = ANY (prefixes);
END $$;

CREATE FUNCTION give_sending_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO sending_limit (instance_id) VALUES (NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER instance_sending_limit AFTER INSERT ON instance
  FOR EACH ROW EXECUTE FUNCTION give_sending_limit();

-- The wall and the rights ----------------------------------------------------------------------------------

SELECT wall_off('submitted_part', 'EXISTS (SELECT FROM message m WHERE m.id = submitted_part.message_id)');
SELECT wall_off('suppression', 'instance_id IS NULL
  OR instance_id = NULLIF(current_setting(''app.instance_id'', true), '''')::uuid');
DO $$
DECLARE
  walled text;
BEGIN
  FOREACH walled IN ARRAY ARRAY['sending_limit', 'triggered_hour', 'prefix_hour', 'sending_alert'] LOOP
    PERFORM wall_off(walled::regclass,
                     'instance_id = NULLIF(current_setting(''app.instance_id'', true), '''')::uuid');
  END LOOP;
END $$;
GRANT SELECT ON submitted_part, sending_limit, triggered_hour, prefix_hour, sending_alert TO outbound_sms_api;
GRANT UPDATE (surge_pause_time, surge_allowed_until) ON sending_limit TO outbound_sms_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON
  submitted_part, parked_receipt, sending_limit, triggered_hour, prefix_hour, sending_alert TO outbound_sms_dispatcher;
-- A receipt and the answer to the submission each add what they know of an attempt, in either order.
GRANT UPDATE (carrier, outcome, carrier_message_id, reason, carrier_code, submit_time, settle_time)
  ON attempt TO outbound_sms_dispatcher;

SET LOCAL ROLE outbound_sms_dispatcher;
INSERT INTO sending_limit (instance_id) SELECT id FROM instance;
RESET ROLE;
