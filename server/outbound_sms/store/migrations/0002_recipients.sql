-- Who a mass message goes to, said once: the preview counts these rows and the expansion writes them,
-- so the two cannot disagree. Each function is one SELECT that the planner folds into its caller;
-- with constant arguments (plan_cache_mode = force_custom_plan) filters that are not set cost nothing
-- and those that are set can use an index.

-- The values of one filter, or NULL when it is not set. Immutable, so that it is worked out when planning.
CREATE FUNCTION audience_texts(audience jsonb, filter text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN audience ? filter THEN ARRAY(SELECT jsonb_array_elements_text(audience -> filter)) END
$$;

-- The same for filters that hold ids.
CREATE FUNCTION audience_ids(audience jsonb, filter text) RETURNS uuid[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN audience ? filter THEN ARRAY(SELECT jsonb_array_elements_text(audience -> filter)::uuid) END
$$;

-- Accounts that match: of companies that are enabled, created no later than `created_by`, with ids after
-- `after_account` and up to `last_account` (NULL: no bound). The language is what the account's contacts
-- get when they have none of their own.
CREATE FUNCTION mass_accounts(
  in_instance uuid, audience jsonb, created_by timestamptz, after_account uuid, last_account uuid)
RETURNS TABLE (account_id uuid, company_id uuid, language text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT a.id, a.company_id, coalesce(a.language, c.language, i.default_language)
    FROM account a
    JOIN company c ON c.id = a.company_id AND c.enabled
    JOIN instance i ON i.id = in_instance
   WHERE a.instance_id = in_instance
     AND a.create_time <= created_by
     AND (after_account IS NULL OR a.id > after_account)
     AND (last_account IS NULL OR a.id <= last_account)
     AND (audience_ids(audience, 'account_ids') IS NULL OR a.id = ANY (audience_ids(audience, 'account_ids')))
     AND (audience_ids(audience, 'company_ids') IS NULL
          OR a.company_id = ANY (audience_ids(audience, 'company_ids')))
     AND (audience_texts(audience, 'account_statuses') IS NULL
          OR a.status = ANY (audience_texts(audience, 'account_statuses')))
     AND (audience_texts(audience, 'account_types') IS NULL
          OR a.type = ANY (audience_texts(audience, 'account_types')))
     AND (audience_texts(audience, 'account_groups') IS NULL
          OR a.groups && audience_texts(audience, 'account_groups'))
     AND (audience_texts(audience, 'services') IS NULL OR a.services && audience_texts(audience, 'services'))
     AND (audience_texts(audience, 'inventory_items') IS NULL
          OR a.inventory_items && audience_texts(audience, 'inventory_items'))
     AND (audience_texts(audience, 'subnets') IS NULL OR a.subnets && audience_texts(audience, 'subnets'))
     AND (audience_texts(audience, 'ip_pools') IS NULL OR a.ip_pools && audience_texts(audience, 'ip_pools'))
     AND (audience_ids(audience, 'network_site_ids') IS NULL
          OR a.network_site_ids && audience_ids(audience, 'network_site_ids'))
     AND (audience -> 'delinquent' IS NULL OR a.delinquent = (audience ->> 'delinquent')::boolean)
$$;

-- Contacts of those accounts, with the language in which each would be texted.
CREATE FUNCTION mass_contacts(
  in_instance uuid, audience jsonb, created_by timestamptz, after_account uuid, last_account uuid)
RETURNS TABLE (account_id uuid, company_id uuid, contact_id uuid, is_primary boolean, language text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT a.account_id, a.company_id, k.id, k.is_primary, coalesce(k.language, a.language)
    FROM mass_accounts(in_instance, audience, created_by, after_account, last_account) a
    JOIN contact k ON k.account_id = a.account_id
   WHERE k.instance_id = in_instance
     AND k.delete_time IS NULL
     AND k.create_time <= created_by
     AND (audience_ids(audience, 'message_category_ids') IS NULL
          OR k.message_category_ids && audience_ids(audience, 'message_category_ids'))
     AND (audience_texts(audience, 'languages') IS NULL
          OR coalesce(k.language, a.language) = ANY (audience_texts(audience, 'languages')))
$$;

-- Phone numbers of those contacts, each with the first reason that leaves it out: 3 neither US nor CA or
-- premium (area codes 900 and 976), 2 not SMS capable, 1 not opted in, 4 suppressed; 0 when it may be
-- texted. Of several that may, the one first by account, primary contact and phone number id gets the text.
CREATE FUNCTION mass_numbers(
  in_instance uuid, audience jsonb, created_by timestamptz, after_account uuid, last_account uuid)
RETURNS TABLE (account_id uuid, company_id uuid, contact_id uuid, is_primary boolean, language text,
               phone_number_id uuid, e164 text, left_out integer)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT k.account_id, k.company_id, k.contact_id, k.is_primary, k.language, p.id, p.e164,
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

-- With `recipients` it gives the average text of a mass message, and so how long the rest will take.
ALTER TABLE mass_message ADD COLUMN segments bigint NOT NULL DEFAULT 0;   -- carrier segments of the rows made so far

-- Mass messages with their texts by status, which the tick counts, and the rate of their sending number.
CREATE VIEW mass_message_progress AS
SELECT m.*, n.segments_per_second AS number_rate,
       k.pending, k.in_progress, k.sent, k.delivered, k.failed, k.insufficient_funds
  FROM mass_message m
  JOIN sending_number n ON n.id = m.sending_number_id
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(c.messages) FILTER (WHERE c.status = 1), 0)::bigint AS pending,
           coalesce(sum(c.messages) FILTER (WHERE c.status = 2), 0)::bigint AS in_progress,
           coalesce(sum(c.messages) FILTER (WHERE c.status = 3), 0)::bigint AS sent,
           coalesce(sum(c.messages) FILTER (WHERE c.status = 4), 0)::bigint AS delivered,
           coalesce(sum(c.messages) FILTER (WHERE c.status = 5), 0)::bigint AS failed,
           coalesce(sum(c.messages) FILTER (WHERE c.status = 6), 0)::bigint AS insufficient_funds
      FROM mass_message_count c WHERE c.mass_message_id = m.id) k;
