-- The whole schema of a new database. Forward only: later changes are later files.
-- Times are UTC instants. Money is bigint micros (1/1,000,000) of the instance's currency.

-- Ids are UUIDv7 (RFC 9562 5.7): 48 bits of Unix milliseconds, then random bits, so that new rows are
-- neighbours in an index. PostgreSQL 18 has uuidv7(); older servers get the same from SQL.
DO $$
BEGIN
  IF current_setting('server_version_num')::int >= 180000 THEN
    EXECUTE 'CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS ''SELECT uuidv7()''';
  ELSE
    EXECUTE $f$
      CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $body$
        SELECT encode(
          set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                    FROM 1 FOR 6),
            52, 1), 53, 1), 'hex')::uuid
      $body$
    $f$;
  END IF;
END $$;

-- Tenants, their roles and their keys ------------------------------------------------------------

CREATE TABLE instance (
  id                    uuid PRIMARY KEY DEFAULT new_id(),
  name                  text NOT NULL CHECK (name <> ''),
  country               text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
  currency              text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  default_language      text NOT NULL DEFAULT 'en' CHECK (default_language IN ('en', 'fr')),
  time_zone             text NOT NULL,                                   -- IANA key
  sms_enabled           boolean NOT NULL DEFAULT true,
  billing_rule          smallint NOT NULL DEFAULT 1 CHECK (billing_rule IN (1, 2)),  -- 1 product, 2 carrier
  segment_price_micros  bigint NOT NULL DEFAULT 15000 CHECK (segment_price_micros >= 0),
  version               integer NOT NULL DEFAULT 1,                      -- +1 for each change; the etag
  create_time           timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE role (
  id           uuid PRIMARY KEY DEFAULT new_id(),
  instance_id  uuid NOT NULL REFERENCES instance,
  name         text NOT NULL CHECK (name <> ''),
  super_admin  boolean NOT NULL DEFAULT false,      -- has every permission, those to come included
  permissions  text[] NOT NULL DEFAULT '{}',
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT role_name_unique UNIQUE (instance_id, name)
);

CREATE TABLE api_key (
  id           uuid PRIMARY KEY DEFAULT new_id(),
  instance_id  uuid NOT NULL REFERENCES instance,
  role_id      uuid NOT NULL REFERENCES role,
  name         text NOT NULL CHECK (name <> ''),
  lookup_id    text NOT NULL UNIQUE,                -- the public part of the key
  secret_hash  bytea NOT NULL,                      -- SHA-256 of the secret part
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  expire_time  timestamptz,
  revoke_time  timestamptz
);
CREATE INDEX api_key_instance ON api_key (instance_id, id);      -- list_api_keys

-- Keys that sign cursors, page tokens and callback addresses. Shared by all processes.
CREATE TABLE signing_key (
  purpose  text PRIMARY KEY,
  secret   bytea NOT NULL
);

-- Answers already given, so that a repeated request_id has one effect. Kept 24 hours.
CREATE TABLE idempotency (
  instance_id  uuid NOT NULL REFERENCES instance,
  method       text NOT NULL,
  request_id   uuid NOT NULL,
  fingerprint  bytea NOT NULL,                      -- SHA-256 of the request without its request_id
  response     bytea,                               -- serialised answer, written in the same transaction
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (instance_id, method, request_id)
);
CREATE INDEX idempotency_age ON idempotency (create_time);       -- forget_old_answers

-- The directory: companies, departments, sites, vendors, accounts ------------------------------------

CREATE TABLE company (
  id                   uuid PRIMARY KEY DEFAULT new_id(),
  instance_id          uuid NOT NULL REFERENCES instance,
  name                 text NOT NULL CHECK (name <> ''),
  country              text NOT NULL CHECK (country IN ('US', 'CA')),
  language             text CHECK (language IN ('en', 'fr')),
  customer_portal_url  text,
  enabled              boolean NOT NULL DEFAULT true,
  is_default           boolean NOT NULL DEFAULT false,
  version              integer NOT NULL DEFAULT 1,
  create_time          timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT company_name_unique UNIQUE (instance_id, name)
);
CREATE UNIQUE INDEX company_one_default ON company (instance_id) WHERE is_default;

CREATE TABLE department (
  id           uuid PRIMARY KEY DEFAULT new_id(),
  instance_id  uuid NOT NULL REFERENCES instance,
  name         text NOT NULL CHECK (name <> ''),
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT department_name_unique UNIQUE (instance_id, name)
);

-- Phone number and e-mail belong to the pair, not to the department.
CREATE TABLE company_department (
  instance_id    uuid NOT NULL REFERENCES instance,
  company_id     uuid NOT NULL REFERENCES company,
  department_id  uuid NOT NULL CONSTRAINT company_department_department_fk REFERENCES department,
  phone_number   text,                              -- as shown in a signature
  email_address  text,
  PRIMARY KEY (company_id, department_id)
);

CREATE TABLE network_site (
  id           uuid PRIMARY KEY DEFAULT new_id(),
  instance_id  uuid NOT NULL REFERENCES instance,
  name         text NOT NULL CHECK (name <> ''),
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT network_site_name_unique UNIQUE (instance_id, name)
);

CREATE TABLE vendor (
  id           uuid PRIMARY KEY DEFAULT new_id(),
  instance_id  uuid NOT NULL REFERENCES instance,
  name         text NOT NULL CHECK (name <> ''),
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT vendor_name_unique UNIQUE (instance_id, name)
);

CREATE TABLE account (
  id                 uuid PRIMARY KEY DEFAULT new_id(),
  instance_id        uuid NOT NULL REFERENCES instance,
  account_number     text NOT NULL CHECK (account_number <> ''),   -- the caller's own key
  name               text NOT NULL CHECK (name <> ''),
  company_id         uuid NOT NULL REFERENCES company,
  parent_account_id  uuid REFERENCES account,
  status             text NOT NULL DEFAULT 'Active',
  type               text NOT NULL DEFAULT '',
  language           text CHECK (language IN ('en', 'fr')),
  delinquent         boolean NOT NULL DEFAULT false,
  groups             text[] NOT NULL DEFAULT '{}',
  services           text[] NOT NULL DEFAULT '{}',
  inventory_items    text[] NOT NULL DEFAULT '{}',
  subnets            text[] NOT NULL DEFAULT '{}',
  ip_pools           text[] NOT NULL DEFAULT '{}',
  network_site_ids   uuid[] NOT NULL DEFAULT '{}',
  create_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
  update_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT account_number_unique UNIQUE (instance_id, account_number)
);
CREATE INDEX account_list ON account (instance_id, id);                                  -- list_accounts, expansion
CREATE INDEX account_network_sites ON account USING gin (network_site_ids);               -- recipients by site

-- Contacts and consent -------------------------------------------------------------------------------

CREATE TABLE message_category (
  id           uuid PRIMARY KEY DEFAULT new_id(),
  instance_id  uuid NOT NULL REFERENCES instance,
  name         text NOT NULL CHECK (name <> ''),
  is_default   boolean NOT NULL DEFAULT false,      -- given to contacts for whom none are named
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT message_category_name_unique UNIQUE (instance_id, name)
);

CREATE TABLE phone_number_type (
  id           uuid PRIMARY KEY DEFAULT new_id(),
  instance_id  uuid NOT NULL REFERENCES instance,
  name         text NOT NULL CHECK (name <> ''),
  sms_capable  boolean NOT NULL DEFAULT false,
  version      integer NOT NULL DEFAULT 1,
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT phone_number_type_name_unique UNIQUE (instance_id, name)
);

CREATE TABLE contact (
  id                    uuid PRIMARY KEY DEFAULT new_id(),
  instance_id           uuid NOT NULL REFERENCES instance,
  account_id            uuid REFERENCES account,
  network_site_id       uuid REFERENCES network_site,
  vendor_id             uuid REFERENCES vendor,
  name                  text NOT NULL CHECK (name <> ''),
  role                  text NOT NULL DEFAULT '',
  is_primary            boolean NOT NULL DEFAULT false,
  language              text CHECK (language IN ('en', 'fr')),
  time_zone             text,                                       -- IANA key
  email_address         text,
  message_category_ids  uuid[] NOT NULL DEFAULT '{}',
  version               integer NOT NULL DEFAULT 1,
  create_time           timestamptz NOT NULL DEFAULT clock_timestamp(),
  delete_time           timestamptz,                                -- kept, so that sent messages keep their name
  CONSTRAINT contact_one_owner CHECK (num_nonnulls(account_id, network_site_id, vendor_id) = 1)
);
CREATE INDEX contact_list ON contact (instance_id, id) WHERE delete_time IS NULL;              -- list_contacts
CREATE INDEX contact_account ON contact (account_id) WHERE account_id IS NOT NULL;             -- recipients, account view
CREATE UNIQUE INDEX contact_one_primary ON contact (account_id)
  WHERE is_primary AND delete_time IS NULL AND account_id IS NOT NULL;

CREATE TABLE phone_number (
  id                    uuid PRIMARY KEY DEFAULT new_id(),
  instance_id           uuid NOT NULL REFERENCES instance,
  contact_id            uuid NOT NULL REFERENCES contact,
  e164                  text NOT NULL CHECK (e164 ~ '^\+[0-9]{6,15}$'),
  country               text NOT NULL CHECK (country ~ '^([A-Z]{2}|001)$'),   -- region of the number, 001 for none
  extension             text,
  phone_number_type_id  uuid NOT NULL CONSTRAINT phone_number_type_fk REFERENCES phone_number_type,
  sms_opt_in            boolean NOT NULL DEFAULT false,
  cleared_by_stop       boolean NOT NULL DEFAULT false,             -- START restores only what STOP had cleared
  version               integer NOT NULL DEFAULT 1,
  create_time           timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT phone_number_unique UNIQUE (contact_id, e164)
);
CREATE INDEX phone_number_e164 ON phone_number (e164);                                          -- STOP, across instances

-- Append only: every change of an opt-in, with who, when, how and the words.
CREATE TABLE consent_event (
  id               uuid PRIMARY KEY DEFAULT new_id(),
  instance_id      uuid NOT NULL REFERENCES instance,
  contact_id       uuid REFERENCES contact,
  phone_number_id  uuid,                             -- no reference: evidence outlives the number
  e164             text NOT NULL,
  kind             smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),   -- 1 opt-in, 2 opt-out, 3 opt-in again
  source           smallint NOT NULL CHECK (source BETWEEN 1 AND 8),
  actor            text NOT NULL,                    -- API key or the number itself
  evidence         text NOT NULL DEFAULT '',
  occur_time       timestamptz NOT NULL,
  create_time      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX consent_event_list ON consent_event (instance_id, id);
CREATE INDEX consent_event_number ON consent_event (instance_id, e164, id);

-- Numbers that must not be texted by anyone. Global by design: STOP acts across instances.
CREATE TABLE suppression (
  e164         text PRIMARY KEY,
  source       smallint NOT NULL CHECK (source BETWEEN 1 AND 8),
  create_time  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX suppression_list ON suppression (create_time DESC, e164 DESC);  -- list_suppressions

-- What is sent, and from where ---------------------------------------------------------------------------

CREATE TABLE signature (
  id                uuid PRIMARY KEY DEFAULT new_id(),
  instance_id       uuid NOT NULL REFERENCES instance,
  name              text NOT NULL CHECK (name <> ''),
  department_id     uuid CONSTRAINT signature_department_fk REFERENCES department,
  template          smallint NOT NULL CHECK (template BETWEEN 1 AND 6),
  mass_default      boolean NOT NULL DEFAULT false,
  triggered_default boolean NOT NULL DEFAULT false,
  version           integer NOT NULL DEFAULT 1,
  create_time       timestamptz NOT NULL DEFAULT clock_timestamp(),
  delete_time       timestamptz,                     -- kept, so that sent mass messages keep their signature
  CONSTRAINT signature_has_department CHECK (department_id IS NOT NULL OR delete_time IS NOT NULL)
);
CREATE UNIQUE INDEX signature_name_unique ON signature (instance_id, name) WHERE delete_time IS NULL;
CREATE UNIQUE INDEX signature_one_mass_default ON signature (instance_id)
  WHERE mass_default AND delete_time IS NULL;
CREATE UNIQUE INDEX signature_one_triggered_default ON signature (instance_id)
  WHERE triggered_default AND delete_time IS NULL;

CREATE TABLE sending_number (
  id                   uuid PRIMARY KEY DEFAULT new_id(),
  instance_id          uuid NOT NULL REFERENCES instance,
  e164                 text NOT NULL,
  carrier              text NOT NULL,                -- a name in the server's carriers file
  segments_per_second  double precision NOT NULL CHECK (segments_per_second > 0),
  keyword_replies      smallint NOT NULL DEFAULT 1 CHECK (keyword_replies BETWEEN 1 AND 3),  -- us, provider, network
  is_default           boolean NOT NULL DEFAULT false,
  enabled              boolean NOT NULL DEFAULT true,
  version              integer NOT NULL DEFAULT 1,
  create_time          timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- One owner for each number in the whole service: its rate and its keywords are one.
  CONSTRAINT sending_number_unique UNIQUE (e164)
);
CREATE UNIQUE INDEX sending_number_one_default ON sending_number (instance_id) WHERE is_default;

-- Token bucket of each sending number, in carrier segments; may go below zero by one message.
CREATE TABLE sending_rate (
  sending_number_id  uuid PRIMARY KEY REFERENCES sending_number,
  tokens             double precision NOT NULL,
  refill_time        timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

CREATE TABLE mass_message (
  id                      uuid PRIMARY KEY DEFAULT new_id(),
  instance_id             uuid NOT NULL REFERENCES instance,
  saved_message           text NOT NULL,
  signature_id            uuid NOT NULL REFERENCES signature,
  sending_number_id       uuid NOT NULL REFERENCES sending_number,
  outage_start_time       timestamptz NOT NULL,
  outage_end_time         timestamptz,
  audience                jsonb NOT NULL,            -- the filters, as accepted
  resend_unknown_outcome  boolean NOT NULL DEFAULT false,   -- true: may text twice rather than not at all
  valid_until             timestamptz NOT NULL,      -- not handed to a carrier after this
  state                   smallint NOT NULL DEFAULT 1
                          CHECK (state BETWEEN 1 AND 5),    -- 1 expanding 2 sending 3 paused 4 cancelled 5 finished
  expanded                boolean NOT NULL DEFAULT false,   -- every recipient has a row
  expand_after            uuid,                      -- last account id that was expanded
  queue_settled           boolean NOT NULL DEFAULT true,    -- false: pause, resume or cancel has still to reach the queue
  recipients              integer NOT NULL DEFAULT 0,       -- rows made so far
  create_time             timestamptz NOT NULL DEFAULT clock_timestamp(),
  finish_time             timestamptz
);
CREATE INDEX mass_message_list ON mass_message (instance_id, id);
CREATE INDEX mass_message_unfinished ON mass_message (id) WHERE finish_time IS NULL;  -- expansion, pause, finish

-- Texts rendered once for each (mass message, company, language); messages point here.
CREATE TABLE body (
  id                 uuid PRIMARY KEY DEFAULT new_id(),
  instance_id        uuid NOT NULL REFERENCES instance,
  mass_message_id    uuid REFERENCES mass_message,
  company_id         uuid REFERENCES company,
  language           text NOT NULL,
  text               text NOT NULL,
  encoding           smallint NOT NULL CHECK (encoding IN (1, 2)),   -- 1 GSM-7, 2 UCS-2
  characters         smallint NOT NULL,              -- GSM-7 septets or UTF-16 units
  billable_segments  smallint NOT NULL CHECK (billable_segments BETWEEN 1 AND 20),
  carrier_segments   smallint NOT NULL CHECK (carrier_segments BETWEEN 1 AND 20),
  cost_micros        bigint NOT NULL CHECK (cost_micros >= 0),
  UNIQUE (mass_message_id, company_id, language)
);

-- The record of every text: never the queue. Rows are kept narrow because each is written four times.
--   1 pending -> 2 in progress -> 3 sent -> 4 delivered | 5 failed;  1 -> 5;  1 -> 6 insufficient funds
-- No index holds status or version, and a page is filled to less than half, so that updating all of its
-- rows in one transaction stays heap-only and touches no index.
CREATE TABLE message (
  id                 uuid PRIMARY KEY DEFAULT new_id(),
  instance_id        uuid NOT NULL,
  mass_message_id    uuid,
  account_id         uuid,
  contact_id         uuid NOT NULL,
  sending_number_id  uuid NOT NULL,
  body_id            uuid NOT NULL,
  phone              text NOT NULL,                  -- E.164
  billable_segments  smallint NOT NULL,
  carrier_segments   smallint NOT NULL,
  kind               smallint NOT NULL CHECK (kind IN (1, 2, 3)),    -- 1 mass, 2 triggered, 3 keyword reply
  status             smallint NOT NULL DEFAULT 1 CHECK (status BETWEEN 1 AND 6),
  version            smallint NOT NULL DEFAULT 1,    -- +1 for each status
  reject_reason      text,                           -- GROUP.CODE
  cost_micros        bigint NOT NULL CHECK (cost_micros >= 0),
  create_time        timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 45);
CREATE UNIQUE INDEX message_mass_phone ON message (mass_message_id, phone);  -- one text per phone per mass send
CREATE INDEX message_list ON message (instance_id, id);                      -- list_messages
CREATE INDEX message_phone ON message (phone, id);                           -- look-up by number, STOP
CREATE INDEX message_account ON message (account_id, id);                    -- an account's correspondence

-- What a carrier was asked and answered; written once, when the answer or its absence is known.
CREATE TABLE attempt (
  message_id          uuid NOT NULL,
  number              smallint NOT NULL,             -- 1, 2, 3 ... for the message
  carrier             text NOT NULL,
  outcome             smallint NOT NULL,             -- 1 accepted 2 refused 3 throttled 4 not sent 5 unknown
  carrier_message_id  text,
  reason              text,                          -- GROUP.CODE
  carrier_code        text,
  submit_time         timestamptz NOT NULL,
  settle_time         timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (message_id, number)
);

-- Delivery receipts: stored first, answered, then applied in batches, which empties them from here. The
-- key makes a replay harmless.
CREATE TABLE receipt (
  message_id          uuid NOT NULL,
  attempt             smallint NOT NULL,
  state               smallint NOT NULL,             -- 2 sent 3 delivered 4 undelivered 5 failed
  carrier             text NOT NULL,
  carrier_message_id  text,
  reason              text,
  carrier_code        text,
  receive_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (message_id, attempt, state)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);

-- The queue: a row exists only while work is outstanding ---------------------------------------------------
--   ready      owner IS NULL, in_doubt_since IS NULL
--   leased     owner set, submitting_time IS NULL
--   submitting owner set, submitting_time set: the carrier may have been asked
--   in doubt   in_doubt_since set: the carrier may have accepted; never handed over again unresolved
--   parked     due_time = 'infinity': the mass message is paused
CREATE TABLE dispatch (
  message_id         uuid PRIMARY KEY,
  instance_id        uuid NOT NULL,
  sending_number_id  uuid NOT NULL,
  mass_message_id    uuid,
  priority           smallint NOT NULL,              -- 1 before 5: triggered before mass
  segments           smallint NOT NULL,              -- carrier segments, the unit of the rate
  attempts           smallint NOT NULL DEFAULT 0,    -- hand-overs begun: numbers the attempts
  failures           smallint NOT NULL DEFAULT 0,    -- hand-overs that surely did not reach the carrier
  fence              integer NOT NULL DEFAULT 0,     -- +1 for each lease; a late worker's writes miss
  due_time           timestamptz NOT NULL DEFAULT now(),
  valid_until        timestamptz NOT NULL,
  owner              uuid,
  lease_until        timestamptz,
  submitting_time    timestamptz,
  in_doubt_since     timestamptz
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX dispatch_ready ON dispatch (instance_id, sending_number_id, priority, due_time, message_id)
  WHERE owner IS NULL AND in_doubt_since IS NULL;                            -- claim
CREATE INDEX dispatch_lease ON dispatch (owner) WHERE owner IS NOT NULL;     -- renew, rescue
CREATE INDEX dispatch_in_doubt ON dispatch (due_time) WHERE in_doubt_since IS NOT NULL;   -- reconcile
CREATE INDEX dispatch_mass_message ON dispatch (mass_message_id);            -- pause, cancel, finish

-- The feed: every status change, in an order that readers may trust ----------------------------------------

-- Written inside every transaction that changes a status, after the message row; never updated.
CREATE TABLE status_event (
  seq              bigint GENERATED ALWAYS AS IDENTITY,
  xid              xid8 NOT NULL DEFAULT pg_current_xact_id(),
  instance_id      uuid NOT NULL,
  message_id       uuid NOT NULL,
  mass_message_id  uuid,
  event_time       timestamptz NOT NULL DEFAULT clock_timestamp(),
  version          smallint NOT NULL,
  status           smallint NOT NULL,
  previous_status  smallint NOT NULL,                -- 0 for the first
  reject_reason    text,
  PRIMARY KEY (message_id, version)
);
CREATE INDEX status_event_xid ON status_event (xid);                         -- tick

-- What streams read. One row holds up to 100 events of one instance, in order: 100 times fewer rows and
-- index entries than a row for each event. The arrays run in parallel. One writer at a time (feed_gate).
CREATE TABLE feed (
  pos              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  instance_id      uuid NOT NULL,
  feed_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
  seqs             bigint[] NOT NULL,
  message_ids      uuid[] NOT NULL,
  mass_message_ids uuid[] NOT NULL,
  event_times      timestamptz[] NOT NULL,
  versions         smallint[] NOT NULL,
  statuses         smallint[] NOT NULL,
  reject_reasons   text[] NOT NULL
);
CREATE INDEX feed_instance ON feed (instance_id, pos);                       -- read_instance
CREATE INDEX feed_age ON feed (feed_time);                                   -- retention

CREATE TABLE feed_gate (id integer PRIMARY KEY);                             -- lock only, never updated
INSERT INTO feed_gate VALUES (1);

CREATE TABLE feed_tick (
  tick       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  snap       pg_snapshot NOT NULL,
  last_pos   bigint NOT NULL,
  tick_time  timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO feed_tick (snap, last_pos) VALUES (pg_current_snapshot(), 0);

-- Which cluster the positions belong to; a restore or a fail-over starts a new epoch.
CREATE TABLE feed_epoch (
  epoch              integer PRIMARY KEY,
  system_identifier  bigint NOT NULL,
  timeline_id        integer NOT NULL,
  start_pos          bigint NOT NULL,
  create_time        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Messages of each mass message by status; kept by the tick, so it agrees with the feed to the event.
CREATE TABLE mass_message_count (
  mass_message_id  uuid NOT NULL,
  status           smallint NOT NULL,
  messages         bigint NOT NULL,
  PRIMARY KEY (mass_message_id, status)
) WITH (fillfactor = 50);

-- Copies every event that has become visible since the last tick to the feed. Returns how many, or -1 when
-- another process is ticking. Raises FEED_NEEDS_REBASE when the stored snapshot is of another cluster.
-- Why it loses nothing: an event that the last snapshot did not see either has xid >= its xmax or is in its
-- list of running transactions; both are index look-ups. Why the order holds: a status change locks the
-- message row before it draws its seq, so a later change of the same message has the larger seq.
-- What it costs: nothing is written and no transaction id is used up while nothing happens; rows of a
-- transaction that is still open are not looked at, however many. The plan is fixed to index look-ups: one
-- that was made while the table was small must not stay when it has grown.
CREATE FUNCTION feed_tick_once() RETURNS bigint LANGUAGE plpgsql VOLATILE
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  old_snap pg_snapshot;
  new_snap pg_snapshot;
  copied   bigint;
  newest   bigint;
  old_pos  bigint;
  began    timestamptz := clock_timestamp();
  crowded  boolean := false;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the tick needs READ COMMITTED';
  END IF;
  SELECT t.snap INTO old_snap FROM feed_tick t ORDER BY t.tick DESC LIMIT 1;
  IF pg_snapshot_xmax(old_snap) > pg_snapshot_xmax(pg_current_snapshot()) THEN
    RAISE EXCEPTION 'FEED_NEEDS_REBASE';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM status_event ev
                  WHERE ev.xid >= pg_snapshot_xmax(old_snap)
                    AND ev.xid < pg_snapshot_xmax(pg_current_snapshot()))
     AND NOT EXISTS (SELECT 1 FROM pg_snapshot_xip(old_snap) running
                     WHERE pg_visible_in_snapshot(running, pg_current_snapshot())
                       AND EXISTS (SELECT 1 FROM status_event ev WHERE ev.xid = running)) THEN
    -- Many rows of open transactions were passed over: a newer snapshot lists those, and skips them.
    crowded := clock_timestamp() - began > interval '5 ms'
               AND pg_snapshot_xmax(pg_current_snapshot()) > pg_snapshot_xmax(old_snap);
    IF NOT crowded THEN RETURN 0; END IF;
  END IF;
  PERFORM 1 FROM feed_gate WHERE id = 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN -1; END IF;
  -- Read again: another process may have ticked before the gate was ours.
  SELECT t.snap, t.last_pos INTO old_snap, old_pos FROM feed_tick t ORDER BY t.tick DESC LIMIT 1;
  WITH s AS MATERIALIZED (SELECT pg_current_snapshot() AS snap),
  e AS MATERIALIZED (
    SELECT ev.* FROM s, status_event ev
     WHERE ev.xid >= pg_snapshot_xmax(old_snap) AND ev.xid < pg_snapshot_xmax(s.snap)
       AND pg_visible_in_snapshot(ev.xid, s.snap)
    UNION ALL
    SELECT ev.* FROM s, pg_snapshot_xip(old_snap) running JOIN status_event ev ON ev.xid = running
     WHERE pg_visible_in_snapshot(running, s.snap)),
  numbered AS (
    SELECT e.*, (row_number() OVER (PARTITION BY e.instance_id ORDER BY e.seq) - 1) / 100 AS part FROM e),
  packed AS (
    SELECT n.instance_id, min(n.seq) AS first_seq, count(*) AS events,
           array_agg(n.seq ORDER BY n.seq) AS seqs,
           array_agg(n.message_id ORDER BY n.seq) AS message_ids,
           array_agg(n.mass_message_id ORDER BY n.seq) AS mass_message_ids,
           array_agg(n.event_time ORDER BY n.seq) AS event_times,
           array_agg(n.version ORDER BY n.seq) AS versions,
           array_agg(n.status ORDER BY n.seq) AS statuses,
           array_agg(n.reject_reason ORDER BY n.seq) AS reject_reasons
      FROM numbered n GROUP BY n.instance_id, n.part),
  i AS (
    INSERT INTO feed (instance_id, seqs, message_ids, mass_message_ids, event_times, versions, statuses, reject_reasons)
    SELECT p.instance_id, p.seqs, p.message_ids, p.mass_message_ids, p.event_times, p.versions, p.statuses,
           p.reject_reasons
      FROM packed p ORDER BY p.first_seq RETURNING pos),
  change AS (
    SELECT c.mass_message_id, c.status, sum(c.change) AS change
      FROM (SELECT mass_message_id, status, 1 AS change FROM e WHERE mass_message_id IS NOT NULL
            UNION ALL
            SELECT mass_message_id, previous_status, -1 FROM e
             WHERE mass_message_id IS NOT NULL AND previous_status <> 0) c
     GROUP BY 1, 2 ORDER BY 1, 2),
  counted AS (
    INSERT INTO mass_message_count AS k (mass_message_id, status, messages)
    SELECT change.mass_message_id, change.status, change.change FROM change
    ON CONFLICT (mass_message_id, status) DO UPDATE SET messages = k.messages + excluded.messages
    RETURNING 1)
  SELECT (SELECT s.snap FROM s), (SELECT coalesce(sum(p.events), 0) FROM packed p), max(i.pos)
    INTO new_snap, copied, newest FROM i;
  IF copied > 0 OR crowded THEN
    INSERT INTO feed_tick (snap, last_pos) VALUES (new_snap, coalesce(newest, old_pos));
  END IF;
  IF copied > 0 THEN
    PERFORM pg_notify('feed', newest::text);
  END IF;
  RETURN copied;
END $$;
