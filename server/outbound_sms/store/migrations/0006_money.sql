-- Prepaid money: prices, balances, and the ledger that they follow.
-- Everything is bigint micros (1/1,000,000) of the instance's currency; there is no rounding anywhere.

-- Prices -------------------------------------------------------------------------------------------------

-- A price list replaces the one before of its currency from its time on. Never changed: a text keeps the
-- version that it was accepted at.
CREATE TABLE price_list (
  version         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  effective_time  timestamptz NOT NULL,
  create_time     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX price_list_effective ON price_list (currency, effective_time, version);   -- price_list_in_force

CREATE TABLE segment_price (
  version       integer NOT NULL REFERENCES price_list,
  country       text NOT NULL CHECK (country IN ('US', 'CA')),         -- of the recipient's number
  encoding      smallint NOT NULL CHECK (encoding IN (1, 2)),          -- 1 GSM-7, 2 UCS-2
  price_micros  bigint NOT NULL CHECK (price_micros BETWEEN 0 AND 1000000000),
  PRIMARY KEY (version, country, encoding)
);

-- The version by which a text is priced that is accepted at a time; NULL when there is none yet.
CREATE FUNCTION price_list_in_force(in_currency text, at timestamptz) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT p.version FROM price_list p
   WHERE p.currency = in_currency AND p.effective_time <= at
   ORDER BY p.effective_time DESC, p.version DESC LIMIT 1
$$;

-- What a text costs no longer follows from its body: it depends on the recipient's country.
ALTER TABLE body DROP COLUMN cost_micros;
ALTER TABLE mass_message ADD COLUMN price_list_version integer REFERENCES price_list;
ALTER TABLE message ADD COLUMN price_list_version integer;          -- NULL: accepted before there was a ledger

DROP FUNCTION mass_numbers(uuid, jsonb, timestamptz, uuid, uuid);
-- As before, with the country of the number.
CREATE FUNCTION mass_numbers(
  in_instance uuid, audience jsonb, created_by timestamptz, after_account uuid, last_account uuid)
RETURNS TABLE (account_id uuid, company_id uuid, contact_id uuid, is_primary boolean, language text,
               phone_number_id uuid, e164 text, country text, left_out integer)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT k.account_id, k.company_id, k.contact_id, k.is_primary, k.language, p.id, p.e164, p.country,
         CASE WHEN p.country NOT IN ('US', 'CA') OR left(p.e164, 5) IN ('+1900', '+1976') THEN 3
              WHEN NOT t.sms_capable THEN 2
              WHEN NOT p.sms_opt_in THEN 1
              WHEN s.e164 IS NOT NULL THEN 4
              ELSE 0 END
    FROM mass_contacts(in_instance, audience, created_by, after_account, last_account) k
    JOIN phone_number p ON p.contact_id = k.contact_id
    JOIN phone_number_type t ON t.id = p.phone_number_type_id
    LEFT JOIN suppression s ON s.e164 = p.e164
   WHERE p.create_time <= created_by
$$;

-- Balances and the ledger ----------------------------------------------------------------------------------

-- One row for each instance. The three amounts are the sums of its ledger entries and change by nothing else.
CREATE TABLE balance (
  instance_id                 uuid PRIMARY KEY REFERENCES instance,
  available_micros            bigint NOT NULL DEFAULT 0 CHECK (available_micros >= 0),
  held_micros                 bigint NOT NULL DEFAULT 0 CHECK (held_micros >= 0),   -- for texts on their way
  spent_micros                bigint NOT NULL DEFAULT 0 CHECK (spent_micros >= 0),
  low_funds_threshold_micros  bigint NOT NULL DEFAULT 0 CHECK (low_funds_threshold_micros >= 0),
  low_funds_time              timestamptz,             -- when it last fell below the threshold
  low_funds_told              boolean NOT NULL DEFAULT true,   -- false: that has still to be logged
  waits_until                 timestamptz              -- texts wait for an automatic top-up until then
) WITH (fillfactor = 50);
CREATE INDEX balance_untold ON balance (instance_id) WHERE NOT low_funds_told;          -- take_low_funds

-- Every movement of money, added once and never changed. An entry moves an amount from one account to
-- another, so its four columns sum to nothing:
--   1 top-up      external  -> available     4 release     held  -> available
--   2 hold        available -> held          5 refund      spent -> available
--   3 capture     held      -> spent         6 adjustment  external -> available, or back when negative
CREATE TABLE ledger_entry (
  id                bigint GENERATED ALWAYS AS IDENTITY,
  instance_id       uuid NOT NULL,                     -- of a balance: apply_ledger_entries sees to it
  entry_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind              smallint NOT NULL CHECK (kind BETWEEN 1 AND 6),
  amount_micros     bigint NOT NULL,
  message_id        uuid,
  top_up_id         uuid,
  note              text,                              -- why the platform operator adjusted it
  available_micros  bigint NOT NULL GENERATED ALWAYS AS (
    CASE kind WHEN 2 THEN - amount_micros WHEN 3 THEN 0 ELSE amount_micros END) STORED,
  held_micros       bigint NOT NULL GENERATED ALWAYS AS (
    CASE kind WHEN 2 THEN amount_micros WHEN 3 THEN - amount_micros WHEN 4 THEN - amount_micros ELSE 0 END) STORED,
  spent_micros      bigint NOT NULL GENERATED ALWAYS AS (
    CASE kind WHEN 3 THEN amount_micros WHEN 5 THEN - amount_micros ELSE 0 END) STORED,
  external_micros   bigint NOT NULL GENERATED ALWAYS AS (
    CASE kind WHEN 1 THEN - amount_micros WHEN 6 THEN - amount_micros ELSE 0 END) STORED,
  PRIMARY KEY (instance_id, id),
  CONSTRAINT ledger_entry_double CHECK (available_micros + held_micros + spent_micros + external_micros = 0),
  CONSTRAINT ledger_entry_amount CHECK (
    CASE kind WHEN 1 THEN amount_micros > 0 WHEN 6 THEN amount_micros <> 0 ELSE amount_micros >= 0 END),
  CONSTRAINT ledger_entry_subject CHECK (
    (message_id IS NOT NULL) = (kind BETWEEN 2 AND 5) AND (top_up_id IS NOT NULL) = (kind = 1)
    AND (note IS NOT NULL) = (kind = 6))
);
-- One hold for a text, then a capture or a release and never both, then one refund.
CREATE UNIQUE INDEX ledger_entry_once ON ledger_entry
  (message_id, (CASE kind WHEN 2 THEN 1 WHEN 5 THEN 3 ELSE 2 END)) WHERE message_id IS NOT NULL;
CREATE UNIQUE INDEX ledger_entry_top_up ON ledger_entry (top_up_id) WHERE top_up_id IS NOT NULL;

-- Balances follow the ledger inside the database, so that they cannot come to disagree. Locked in the order
-- of the instances, as everybody does who locks several.
CREATE FUNCTION apply_ledger_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM balance b
    WHERE b.instance_id IN (SELECT entered.instance_id FROM entered)
    ORDER BY b.instance_id FOR UPDATE;
  UPDATE balance b
     SET available_micros = b.available_micros + moved.available,
         held_micros = b.held_micros + moved.held,
         spent_micros = b.spent_micros + moved.spent
    FROM (SELECT e.instance_id, sum(e.available_micros) AS available, sum(e.held_micros) AS held,
                 sum(e.spent_micros) AS spent
            FROM entered e GROUP BY e.instance_id) moved
   WHERE b.instance_id = moved.instance_id;
  IF EXISTS (SELECT FROM entered e WHERE NOT EXISTS (SELECT FROM balance b WHERE b.instance_id = e.instance_id)) THEN
    RAISE foreign_key_violation USING MESSAGE = 'A ledger entry belongs to an instance that has a balance.';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER apply_ledger_entries AFTER INSERT ON ledger_entry
  REFERENCING NEW TABLE AS entered FOR EACH STATEMENT EXECUTE FUNCTION apply_ledger_entries();

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE integrity_constraint_violation USING MESSAGE = 'Ledger entries are never changed or deleted; add one.';
END $$;
CREATE TRIGGER refuse_ledger_change BEFORE DELETE OR TRUNCATE ON balance
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER refuse_ledger_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- Lets money move by ledger entries only; notes when funds have become low; ends the wait for a top-up
-- when money comes in.
CREATE FUNCTION guard_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() < 2
     AND (NEW.available_micros <> OLD.available_micros OR NEW.held_micros <> OLD.held_micros
          OR NEW.spent_micros <> OLD.spent_micros) THEN
    RAISE integrity_constraint_violation USING MESSAGE = 'A balance follows its ledger; add an entry there.';
  END IF;
  IF NEW.available_micros > OLD.available_micros THEN
    NEW.waits_until := NULL;
  END IF;
  IF NEW.available_micros < NEW.low_funds_threshold_micros
     AND OLD.available_micros >= OLD.low_funds_threshold_micros THEN
    NEW.low_funds_time := clock_timestamp();
    NEW.low_funds_told := false;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_balance BEFORE UPDATE ON balance FOR EACH ROW EXECUTE FUNCTION guard_balance();

CREATE FUNCTION give_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO balance (instance_id) VALUES (NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER give_balance AFTER INSERT ON instance FOR EACH ROW EXECUTE FUNCTION give_balance();

-- Top-ups ---------------------------------------------------------------------------------------------------

-- How an instance pays, and whether it tops up by itself.
CREATE TABLE auto_buy (
  instance_id         uuid PRIMARY KEY REFERENCES instance,
  enabled             boolean NOT NULL DEFAULT false,
  threshold_micros    bigint NOT NULL DEFAULT 0 CHECK (threshold_micros >= 0),
  amount_micros       bigint NOT NULL DEFAULT 0 CHECK (amount_micros >= 0),
  daily_cap_micros    bigint NOT NULL DEFAULT 0 CHECK (daily_cap_micros >= 0),
  monthly_cap_micros  bigint NOT NULL DEFAULT 0 CHECK (monthly_cap_micros >= 0),
  customer            text NOT NULL DEFAULT '',        -- the payment gateway's id of who pays
  payment_method      text NOT NULL DEFAULT '',        -- and of what is charged
  version             integer NOT NULL DEFAULT 1,
  update_time         timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT auto_buy_complete CHECK (
    NOT enabled OR (amount_micros > 0 AND daily_cap_micros >= amount_micros
                    AND monthly_cap_micros >= amount_micros AND payment_method <> ''))
);

--   1 open -> 2 charging: the gateway may have been asked -> 3 succeeded | 4 failed;  1 -> 4
CREATE TABLE top_up (
  id                  uuid PRIMARY KEY DEFAULT new_id(),        -- the idempotency key of the charge
  instance_id         uuid NOT NULL REFERENCES instance,
  automatic           boolean NOT NULL,
  amount_micros       bigint NOT NULL CHECK (amount_micros > 0),
  currency            text NOT NULL,
  customer            text NOT NULL,                   -- kept as asked: a repeated charge must be the same
  payment_method      text NOT NULL,
  state               smallint NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 4),
  attempts            integer NOT NULL DEFAULT 0,
  first_charge_time   timestamptz,                     -- when the gateway was first asked
  due_time            timestamptz NOT NULL DEFAULT now(),
  gateway_payment_id  text,
  failure_code        text,                            -- why the gateway declined
  create_time         timestamptz NOT NULL DEFAULT clock_timestamp(),
  finish_time         timestamptz,
  CONSTRAINT top_up_finished CHECK ((finish_time IS NOT NULL) = (state IN (3, 4)))
);
CREATE INDEX top_up_list ON top_up (instance_id, id);                                    -- list_top_ups, caps
CREATE INDEX top_up_due ON top_up (due_time) WHERE state IN (1, 2);                      -- take_due
CREATE UNIQUE INDEX top_up_one_automatic ON top_up (instance_id) WHERE automatic AND state IN (1, 2);

-- Opens the automatic top-up of an instance where one is wanted and allowed, and says until when texts may
-- wait for the one that is open: 10 minutes from its beginning; NULL when there is none. Wanted below the
-- threshold, or when a text could not be paid (`short`). Allowed within the caps of the day and the month, by
-- the instance's clock, and an hour after one that failed, unless the settings have changed since. Called
-- with the balance locked, so that two cannot pass a cap together; the index is the wall behind that.
CREATE FUNCTION open_automatic_top_up(in_instance uuid, available bigint, short boolean) RETURNS timestamptz
LANGUAGE plpgsql AS $$
DECLARE
  opened timestamptz;
  buy auto_buy;
  payer instance;
  today timestamptz;
  this_month timestamptz;
BEGIN
  SELECT t.create_time INTO opened FROM top_up t
   WHERE t.instance_id = in_instance AND t.automatic AND t.state IN (1, 2);
  IF FOUND THEN
    RETURN opened + interval '10 minutes';
  END IF;
  SELECT * INTO buy FROM auto_buy a WHERE a.instance_id = in_instance AND a.enabled;
  IF NOT FOUND OR (available >= buy.threshold_micros AND NOT short) THEN
    RETURN NULL;
  END IF;
  SELECT * INTO payer FROM instance i WHERE i.id = in_instance;
  today := date_trunc('day', clock_timestamp() AT TIME ZONE payer.time_zone) AT TIME ZONE payer.time_zone;
  this_month := date_trunc('month', clock_timestamp() AT TIME ZONE payer.time_zone) AT TIME ZONE payer.time_zone;
  INSERT INTO top_up (instance_id, automatic, amount_micros, currency, customer, payment_method)
  SELECT in_instance, true, buy.amount_micros, payer.currency, buy.customer, buy.payment_method
    FROM (SELECT coalesce(sum(t.amount_micros) FILTER (WHERE t.state < 4 AND t.create_time >= today), 0) AS day,
                 coalesce(sum(t.amount_micros) FILTER (WHERE t.state < 4), 0) AS month,
                 coalesce(bool_or(t.state = 4 AND t.finish_time > greatest(
                   clock_timestamp() - interval '1 hour', buy.update_time)), false) AS failed
            FROM top_up t
           WHERE t.instance_id = in_instance AND t.automatic AND t.create_time >= this_month - interval '1 day'
             AND (t.create_time >= this_month OR t.state = 4)) bought
   WHERE bought.day + buy.amount_micros <= buy.daily_cap_micros
     AND bought.month + buy.amount_micros <= buy.monthly_cap_micros
     AND NOT bought.failed
  ON CONFLICT DO NOTHING
  RETURNING create_time INTO opened;
  RETURN opened + interval '10 minutes';
END $$;

-- Texts and their money ----------------------------------------------------------------------------------

-- What the queue needs to hold and capture without a look at the message.
ALTER TABLE dispatch
  ADD COLUMN cost_micros bigint,                       -- NULL: accepted before there was a ledger, and free
  ADD COLUMN held boolean NOT NULL DEFAULT false;      -- its price is held

-- The queue rows of texts that could not be paid. RequeueMessages puts them back, each once.
CREATE TABLE unfunded (
  message_id         uuid PRIMARY KEY,
  instance_id        uuid NOT NULL,
  sending_number_id  uuid NOT NULL,
  mass_message_id    uuid,
  priority           smallint NOT NULL,
  zones              text NOT NULL,
  segments           smallint NOT NULL,
  cost_micros        bigint NOT NULL,
  valid_until        timestamptz NOT NULL,
  fail_time          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX unfunded_list ON unfunded (instance_id, message_id);                        -- requeue

-- Texts that a carrier says it did not charge for; refunded as soon as they have been captured.
CREATE TABLE refund_due (
  message_id   uuid PRIMARY KEY,
  instance_id  uuid NOT NULL
);

-- Fails texts that nobody has handed over, whose queue rows the caller has locked: the row goes, the status
-- moves, the event is written, and what was held is released, or captured where a late receipt has shown that
-- the carrier had it. Messages are locked in id order, as everybody does who changes many. In parallel:
-- messages and reasons (GROUP.CODE). Returns how many it failed; what a receipt has ended keeps its status.
CREATE FUNCTION fail_queued(message_ids uuid[], reasons text[]) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  WITH gone AS (
    DELETE FROM dispatch d USING unnest(message_ids, reasons) AS doomed (message_id, reason)
     WHERE d.message_id = doomed.message_id
    RETURNING d.message_id, d.instance_id, d.cost_micros, d.held, doomed.reason),
  locked AS MATERIALIZED (
    SELECT m.id, m.status, gone.reason, gone.instance_id, gone.cost_micros, gone.held
      FROM gone JOIN message m ON m.id = gone.message_id
     ORDER BY m.id FOR UPDATE OF m),
  resolved AS (
    INSERT INTO ledger_entry (instance_id, kind, message_id, amount_micros)
    SELECT instance_id, CASE WHEN status > 2 THEN 3 ELSE 4 END, id, cost_micros FROM locked WHERE held),
  failed AS (
    UPDATE message m SET status = 5, version = m.version + 1, reject_reason = locked.reason
      FROM locked WHERE m.id = locked.id AND locked.status IN (1, 2)
    RETURNING m.instance_id, m.id, m.mass_message_id, m.version, m.reject_reason,
              locked.status AS previous_status),
  event AS (
    INSERT INTO status_event (instance_id, message_id, mass_message_id, version, status, previous_status, reject_reason)
    SELECT instance_id, id, mass_message_id, version, 5, previous_status, reject_reason FROM failed)
  SELECT count(*) FROM failed
$$;

-- The wall and the rights ---------------------------------------------------------------------------------

DO $$
DECLARE
  walled text;
BEGIN
  FOREACH walled IN ARRAY ARRAY['balance', 'ledger_entry', 'auto_buy', 'top_up', 'unfunded', 'refund_due'] LOOP
    PERFORM wall_off(walled::regclass,
                     'instance_id = NULLIF(current_setting(''app.instance_id'', true), '''')::uuid');
  END LOOP;
END $$;
-- Prices are everybody's to see. Nobody has the right to change or delete a ledger entry or a price.
GRANT SELECT ON
  price_list, segment_price, balance, ledger_entry, auto_buy, top_up, unfunded, refund_due
  TO outbound_sms_api, outbound_sms_dispatcher;
GRANT INSERT, UPDATE ON auto_buy TO outbound_sms_api;
GRANT INSERT ON top_up TO outbound_sms_api, outbound_sms_dispatcher;
GRANT UPDATE ON top_up TO outbound_sms_dispatcher;
GRANT UPDATE ON balance TO outbound_sms_api, outbound_sms_dispatcher;
GRANT INSERT ON balance, ledger_entry, price_list, segment_price, unfunded, refund_due TO outbound_sms_dispatcher;
GRANT UPDATE, DELETE ON unfunded, refund_due TO outbound_sms_dispatcher;
GRANT UPDATE, DELETE ON unfunded TO outbound_sms_api;
GRANT UPDATE (status, version) ON message TO outbound_sms_api;

-- The one price that instances had becomes the first price list of their currency, for both countries and
-- encodings. No command could set it; where it was set by hand to different values, the highest counts.
SET LOCAL ROLE outbound_sms_dispatcher;
INSERT INTO price_list (currency, effective_time)
SELECT currency, '-infinity' FROM (SELECT currency FROM instance UNION VALUES ('USD'), ('CAD')) c ORDER BY currency DESC;
INSERT INTO segment_price (version, country, encoding, price_micros)
SELECT p.version, country, encoding,
       coalesce((SELECT max(i.segment_price_micros) FROM instance i WHERE i.currency = p.currency), 15000)
  FROM price_list p, unnest(ARRAY['US', 'CA']) country, unnest(ARRAY[1, 2]) encoding;
INSERT INTO balance (instance_id) SELECT id FROM instance;
RESET ROLE;
ALTER TABLE instance DROP COLUMN segment_price_micros;
