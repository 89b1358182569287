-- Triggered messages, quiet hours, and what the platform operator manages.

-- Texts can be sent from the US and Canada only, and not from the Canadian data center; the platform
-- itself, whose keys manage instances, is an instance that cannot send.
ALTER TABLE instance
  ADD COLUMN data_center text NOT NULL DEFAULT 'US' CHECK (data_center IN ('US', 'CANADA')),
  ADD COLUMN platform boolean NOT NULL DEFAULT false,
  ADD COLUMN quiet_start time,                            -- both or neither, to the minute
  ADD COLUMN quiet_end time,
  ADD COLUMN quiet_mode smallint NOT NULL DEFAULT 1 CHECK (quiet_mode IN (1, 2)),   -- 1 instance 2 recipient
  ADD CONSTRAINT instance_quiet_hours CHECK (
    (quiet_start IS NULL) = (quiet_end IS NULL) AND quiet_start <> quiet_end
    AND date_trunc('minute', quiet_start - time '00:00') = quiet_start - time '00:00'
    AND date_trunc('minute', quiet_end - time '00:00') = quiet_end - time '00:00'
    AND (quiet_end - quiet_start + CASE WHEN quiet_end < quiet_start THEN interval '24 h' ELSE interval '0' END)
        <= interval '12 h'),
  ADD CONSTRAINT instance_sms_available CHECK (
    NOT sms_enabled OR (country IN ('US', 'CA') AND data_center = 'US' AND NOT platform));
CREATE UNIQUE INDEX instance_one_platform ON instance (platform) WHERE platform;

ALTER TABLE role ADD COLUMN version integer NOT NULL DEFAULT 1;        -- +1 for each change; the etag
ALTER TABLE api_key ADD COLUMN last_use_time timestamptz;              -- written every few minutes at most

-- ISO 3166-2; tells the time zone of the account's contacts where it has one only.
ALTER TABLE account ADD COLUMN region text CHECK (region ~ '^(US|CA)-[A-Z]{2}$');

CREATE TABLE triggered_message (
  id                    uuid PRIMARY KEY DEFAULT new_id(),
  instance_id           uuid NOT NULL REFERENCES instance,
  name                  text NOT NULL CHECK (name <> ''),
  enabled               boolean NOT NULL DEFAULT false,
  trigger_type          text NOT NULL,                    -- a key of the catalogue
  count                 integer CHECK (count > 0),        -- in the trigger type's unit
  job_type              text CHECK (job_type <> ''),
  signature_id          uuid REFERENCES signature,        -- NULL: the default at the time of a fire
  sending_number_id     uuid REFERENCES sending_number,   -- NULL: the default at the time of a fire
  allow_child_accounts  boolean NOT NULL DEFAULT false,
  message_category_ids  uuid[] NOT NULL,
  version               integer NOT NULL DEFAULT 1,
  create_time           timestamptz NOT NULL DEFAULT clock_timestamp(),
  delete_time           timestamptz                       -- kept, so that its texts keep their name
);
CREATE UNIQUE INDEX triggered_message_name_unique ON triggered_message (instance_id, name)
  WHERE delete_time IS NULL;
CREATE INDEX triggered_message_list ON triggered_message (instance_id, id) WHERE delete_time IS NULL;
CREATE INDEX triggered_message_signature ON triggered_message (signature_id)
  WHERE delete_time IS NULL AND signature_id IS NOT NULL;              -- whether a signature is in use

-- Which events made texts, so that each does so once. Kept 90 days.
CREATE TABLE trigger_fire (
  triggered_message_id  uuid NOT NULL,
  event_key             text NOT NULL,
  instance_id           uuid NOT NULL,
  message_ids           uuid[] NOT NULL,
  fire_time             timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (triggered_message_id, event_key)
);
CREATE INDEX trigger_fire_age ON trigger_fire (fire_time);             -- forget

-- Columns of triggered texts; NULL costs other messages nothing.
ALTER TABLE message
  ADD COLUMN triggered_message_id uuid,
  ADD COLUMN recipient_zones text,                        -- as in dispatch.zones
  ADD COLUMN zone_source smallint CHECK (zone_source BETWEEN 1 AND 4),   -- contact, region, number, instance
  ADD COLUMN quiet_check text;                            -- the quiet hours that it kept, at its hand-over
CREATE INDEX message_triggered ON message (triggered_message_id, id)
  WHERE triggered_message_id IS NOT NULL;                              -- list_messages of one

-- Messages that quiet hours hold or release together: the recipient's time zones, IANA names, sorted, with
-- commas between; '*' for the instance's, whatever it is; '' for what quiet hours never hold. As part of the
-- index it lets a claim pass over thousands that are held without a look at them.
ALTER TABLE dispatch ADD COLUMN zones text NOT NULL DEFAULT '';
DROP INDEX dispatch_ready;
CREATE INDEX dispatch_ready ON dispatch (instance_id, sending_number_id, priority, zones, due_time, message_id)
  WHERE owner IS NULL AND in_doubt_since IS NULL;                        -- ready_groups, claim
CREATE INDEX dispatch_expiry ON dispatch (valid_until)
  WHERE mass_message_id IS NULL AND owner IS NULL AND in_doubt_since IS NULL;   -- fail_expired_others
