-- name: plan_for_counting
-- Plans with the values at hand, whatever the session is set to, with room to sort the numbers of a large
-- audience in memory, and time for it: a million numbers take two seconds of a processor.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_bitmapscan', 'on', true),
       set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true),
       set_config('work_mem', '32MB', true), set_config('statement_timeout', '12s', true);

-- name: count_accounts
-- Accounts that match.
SELECT count(*) FROM mass_accounts($1::uuid, $2::jsonb, now(), NULL, NULL);

-- name: count_contacts
-- Contacts of those accounts that match.
SELECT count(*) FROM mass_contacts($1::uuid, $2::jsonb, now(), NULL, NULL);

-- name: count_numbers
-- Phone numbers by company, language, country and reason that leaves them out, 5 for those that are another
-- contact's text: the first by account, primary contact and id gets it, as in the expansion. The number
-- is compared as an integer, which sorts three times as fast as text.
SELECT n.company_id, n.language, n.country, n.left_out, count(*) AS numbers
  FROM (SELECT c.company_id, c.language, c.country,
               CASE WHEN c.left_out = 0 AND row_number() OVER (
                           PARTITION BY CASE c.left_out WHEN 0 THEN right(c.e164, -1)::bigint END
                           ORDER BY c.account_id, c.is_primary DESC, c.phone_number_id) > 1
                    THEN 5 ELSE c.left_out END AS left_out
          FROM mass_numbers($1::uuid, $2::jsonb, now(), NULL, NULL) c) n
 GROUP BY n.company_id, n.language, n.country, n.left_out;

-- name: first_accounts
-- The first accounts by id: how many, at most $3, and the last of them.
SELECT count(*) AS accounts, (array_agg(a.account_id ORDER BY a.account_id DESC))[1] AS last_account
  FROM (SELECT account_id FROM mass_accounts($1::uuid, $2::jsonb, now(), NULL, NULL)
         ORDER BY account_id LIMIT $3) a;

-- name: has_recipients
-- Whether anybody can be texted of the accounts after $3 and up to $4: of company $5 and in language $6,
-- or of any. MATERIALIZED makes the planner expect to read them all, which it must when there is nobody;
-- in the hope of an early hit it would take ten times as long.
WITH number AS MATERIALIZED (
  SELECT n.company_id, n.language, n.left_out
    FROM mass_numbers($1::uuid, $2::jsonb, now(), $3::uuid, $4::uuid) n)
SELECT EXISTS (
  SELECT FROM number n
   WHERE n.left_out = 0 AND ($5::uuid IS NULL OR n.company_id = $5) AND ($6::text IS NULL OR n.language = $6));

-- name: which_accounts_exist
-- Ids come from callers; those of other instances must look like ids that nobody has.
SELECT id FROM account WHERE instance_id = $1 AND id = ANY ($2::uuid[]);

-- name: queued_segments
-- Carrier segments that wait for a sending number; those of paused mass messages do not wait.
SELECT coalesce(sum(d.segments), 0)
  FROM dispatch d
 WHERE d.instance_id = $1 AND d.sending_number_id = $2
   AND d.owner IS NULL AND d.in_doubt_since IS NULL AND d.due_time < 'infinity';
