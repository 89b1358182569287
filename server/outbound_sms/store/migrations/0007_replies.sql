-- What people text back: STOP, START, HELP, and what is not understood.

-- Texts to our sending numbers, each once, never changed.
CREATE TABLE inbound_message (
  id                  uuid PRIMARY KEY DEFAULT new_id(),
  instance_id         uuid NOT NULL REFERENCES instance,       -- that the sending number belongs to
  sending_number_id   uuid NOT NULL REFERENCES sending_number,
  carrier             text NOT NULL,
  carrier_message_id  text NOT NULL,
  e164                text NOT NULL,                   -- who wrote
  body                text NOT NULL,
  meaning             smallint NOT NULL CHECK (meaning BETWEEN 1 AND 4),   -- stop, start, help, not understood
  reply_id            uuid,                            -- the message that answers it, if one does
  receive_time        timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT inbound_message_once UNIQUE (carrier, carrier_message_id)
);
CREATE INDEX inbound_message_unclassified ON inbound_message (instance_id, id) WHERE meaning = 4;
CREATE INDEX inbound_message_number ON inbound_message (e164, id);            -- replies so far

-- An answer to a keyword may go to somebody who is no contact.
ALTER TABLE message ALTER COLUMN contact_id DROP NOT NULL;

SELECT wall_off('inbound_message', 'instance_id = NULLIF(current_setting(''app.instance_id'', true), '''')::uuid');
GRANT SELECT ON inbound_message TO outbound_sms_api, outbound_sms_dispatcher;
GRANT INSERT ON inbound_message TO outbound_sms_dispatcher;
GRANT DELETE ON suppression TO outbound_sms_dispatcher;                       -- START
