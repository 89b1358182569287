-- The second wall between tenants. Sessions of the server are one of two roles, neither of which owns
-- anything or may pass over row level security:
--   outbound_sms_api         serves the calls of tenants; sees the rows of the instance that the setting
--                            app.instance_id names, and none where it names none
--   outbound_sms_dispatcher  sees every instance's rows: the queue, the feed, keys, the platform operator
-- The login that migrates owns the tables and becomes one of the roles for everything else. Because the
-- wall is forced on owners too, a later migration that reads or changes rows must SET LOCAL ROLE first.

-- Roles belong to the whole cluster, so another database's migration may have made them, or be at it.
DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['outbound_sms_api', 'outbound_sms_dispatcher'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
      END;
    END IF;
    IF NOT pg_has_role(wanted, CASE WHEN current_setting('server_version_num')::int >= 160000
                                    THEN 'SET' ELSE 'MEMBER' END) THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
    END IF;
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE insufficient_privilege USING MESSAGE = format(
    'The user %1$s may not make the roles of the server. Have an administrator run: '
    'CREATE ROLE outbound_sms_api NOLOGIN; CREATE ROLE outbound_sms_dispatcher NOLOGIN; '
    'GRANT outbound_sms_api, outbound_sms_dispatcher TO %1$s; then migrate again.', current_user);
END $$;

DO $$ BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO outbound_sms_api, outbound_sms_dispatcher', current_schema());
END $$;

-- Puts the wall around a table; `own` says, of a row, whether it belongs to the instance that is served.
CREATE FUNCTION wall_off(walled regclass, own text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', walled);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', walled);
  EXECUTE format('CREATE POLICY tenant ON %s TO outbound_sms_api USING (%s) WITH CHECK (%2$s)', walled, own);
  EXECUTE format('CREATE POLICY everybody ON %s TO outbound_sms_dispatcher USING (true) WITH CHECK (true)', walled);
END $$;

-- The instance that is served, or NULL. A pooled session's setting goes back to '', never to NULL.
-- Said in each policy and not in a function, which the planner would have to trust to leak nothing.
DO $$
DECLARE
  served constant text := 'NULLIF(current_setting(''app.instance_id'', true), '''')::uuid';
  walled text;
BEGIN
  PERFORM wall_off('instance', 'id = ' || served);
  FOREACH walled IN ARRAY ARRAY[
    'role', 'api_key', 'idempotency', 'company', 'department', 'company_department', 'network_site', 'vendor',
    'account', 'message_category', 'phone_number_type', 'contact', 'phone_number', 'consent_event', 'signature',
    'sending_number', 'mass_message', 'body', 'message', 'dispatch', 'status_event', 'feed', 'triggered_message',
    'trigger_fire'] LOOP
    PERFORM wall_off(walled::regclass, 'instance_id = ' || served);
  END LOOP;
END $$;

-- Rows that have no instance of their own belong to that of what they are about.
SELECT wall_off('attempt', 'EXISTS (SELECT FROM message m WHERE m.id = attempt.message_id)');
SELECT wall_off('receipt', 'EXISTS (SELECT FROM message m WHERE m.id = receipt.message_id)');
SELECT wall_off('sending_rate', 'EXISTS (SELECT FROM sending_number n WHERE n.id = sending_rate.sending_number_id)');
SELECT wall_off('mass_message_count',
                'EXISTS (SELECT FROM mass_message m WHERE m.id = mass_message_count.mass_message_id)');

-- A view shows what its reader may see, not what its owner may.
ALTER VIEW mass_message_progress SET (security_invoker = true);

-- What the API may do, table by table. Suppressions are everybody's by design; what has been said or
-- written down for good can be added to, and neither changed nor deleted.
GRANT SELECT ON
  instance, role, api_key, idempotency, company, department, company_department, network_site, vendor, account,
  message_category, phone_number_type, contact, phone_number, consent_event, suppression, signature, sending_number,
  sending_rate, mass_message, mass_message_progress, mass_message_count, body, message, attempt, receipt, dispatch,
  status_event, feed, feed_tick, feed_epoch, triggered_message, trigger_fire
  TO outbound_sms_api;
GRANT INSERT ON
  role, api_key, idempotency, company, department, company_department, network_site, vendor, account,
  message_category, phone_number_type, contact, phone_number, consent_event, signature, sending_number, sending_rate,
  mass_message, body, message, dispatch, status_event, triggered_message, trigger_fire
  TO outbound_sms_api;
GRANT UPDATE ON
  role, api_key, idempotency, company, company_department, network_site, vendor, account, message_category,
  phone_number_type, contact, phone_number, signature, sending_number, mass_message, triggered_message
  TO outbound_sms_api;
GRANT UPDATE (sms_enabled, time_zone, billing_rule, default_language, quiet_start, quiet_end, quiet_mode, version)
  ON instance TO outbound_sms_api;
GRANT DELETE ON department, company_department, phone_number_type, phone_number TO outbound_sms_api;

-- What the dispatcher may do. It reads everything, also so that a login that is no superuser can make a
-- whole dump: pg_dump --role=outbound_sms_dispatcher --enable-row-security.
DO $$ BEGIN
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO outbound_sms_dispatcher', current_schema());
  EXECUTE format('GRANT SELECT ON ALL SEQUENCES IN SCHEMA %I TO outbound_sms_dispatcher', current_schema());
END $$;
GRANT INSERT ON
  instance, role, api_key, idempotency, message_category, consent_event, suppression, mass_message_count, body,
  message, attempt, receipt, dispatch, status_event, feed, feed_tick, feed_epoch, signing_key
  TO outbound_sms_dispatcher;
GRANT UPDATE ON
  instance, role, api_key, idempotency, phone_number, sending_rate, mass_message, mass_message_count, message,
  dispatch, status_event, feed_gate, feed_tick
  TO outbound_sms_dispatcher;
GRANT DELETE ON idempotency, receipt, dispatch, feed, feed_tick, trigger_fire TO outbound_sms_dispatcher;
