-- name: lock
-- One writer of an instance's accounts, and of the flags that only one may have, at a time: writers
-- compare many rows with what is stored, and would otherwise deadlock or both insert. Ends with the
-- transaction.
SELECT pg_advisory_xact_lock(hashtextextended('accounts ' || $1::uuid::text, 0));

-- name: plan_afresh
-- A plan made while a table was empty reads all of it, and would be kept until the table is analysed:
-- for the rest of the transaction every statement is planned for the size that its tables have now.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: insert
-- In the order given, so that ids and rows lie in the order of the file. Parents may be among them.
INSERT INTO account (id, instance_id, account_number, name, company_id, parent_account_id, status,
                     type, language, delinquent, region, groups, services, inventory_items, subnets,
                     ip_pools, network_site_ids)
SELECT n.id, $1, n.account_number, n.name, n.company_id, n.parent_account_id, n.status,
       n.type, n.language, n.delinquent, n.region, n.groups, n.services, n.inventory_items, n.subnets,
       n.ip_pools, n.network_site_ids
  FROM jsonb_to_recordset($2::jsonb) AS n(
       id uuid, account_number text, name text, company_id uuid, parent_account_id uuid, status text,
       type text, language text, delinquent boolean, region text, groups text[], services text[],
       inventory_items text[], subnets text[], ip_pools text[], network_site_ids uuid[]);

-- name: update
-- Only accounts that differ are given, so every row that is written has changed.
UPDATE account a
   SET name = n.name, company_id = n.company_id, parent_account_id = n.parent_account_id,
       status = n.status, type = n.type, language = n.language, delinquent = n.delinquent, region = n.region,
       groups = n.groups, services = n.services, inventory_items = n.inventory_items,
       subnets = n.subnets, ip_pools = n.ip_pools, network_site_ids = n.network_site_ids,
       update_time = clock_timestamp()
  FROM jsonb_to_recordset($2::jsonb) AS n(
       id uuid, name text, company_id uuid, parent_account_id uuid, status text,
       type text, language text, delinquent boolean, region text, groups text[], services text[],
       inventory_items text[], subnets text[], ip_pools text[], network_site_ids uuid[])
 WHERE a.id = n.id AND a.instance_id = $1;

-- name: find
-- By account number, with the parent's number. One look-up for each, for the reason that
-- contacts.of_accounts has.
SELECT a.*,
       coalesce((SELECT p.account_number FROM account p WHERE p.id = a.parent_account_id), '')
       AS parent_account_number
  FROM unnest($2::text[]) AS asked(account_number)
 CROSS JOIN LATERAL (
       SELECT * FROM account
        WHERE account.instance_id = $1 AND account.account_number = asked.account_number OFFSET 0) a;

-- name: get
-- One account, with the parent's number.
SELECT a.*, coalesce(p.account_number, '') AS parent_account_number
  FROM account a LEFT JOIN account p ON p.id = a.parent_account_id
 WHERE a.instance_id = $1 AND a.id = $2;

-- name: list
-- Filters that are not given are NULL.
SELECT a.*, coalesce(p.account_number, '') AS parent_account_number
  FROM account a LEFT JOIN account p ON p.id = a.parent_account_id
 WHERE a.instance_id = $1
   AND ($2::uuid IS NULL OR a.id > $2)
   AND ($3::uuid IS NULL OR a.company_id = $3)
   AND ($4::uuid IS NULL OR a.network_site_ids @> ARRAY[$4::uuid])
   AND ($5::text IS NULL OR a.status = $5)
 ORDER BY a.id LIMIT $6;

-- name: ancestors
-- Every link from the given accounts upwards, to find circles. UNION ends a walk that meets one.
WITH RECURSIVE link AS (
  SELECT a.account_number, a.parent_account_id FROM account a
   WHERE a.instance_id = $1 AND a.account_number = ANY ($2::text[]) AND a.parent_account_id IS NOT NULL
  UNION
  SELECT a.account_number, a.parent_account_id
    FROM link JOIN account a ON a.id = link.parent_account_id
   WHERE a.instance_id = $1 AND a.parent_account_id IS NOT NULL)
SELECT link.account_number, p.account_number AS parent_account_number
  FROM link JOIN account p ON p.id = link.parent_account_id;

-- name: new_ids
-- Ids for rows that refer to each other before they are inserted.
SELECT new_id() AS id FROM generate_series(1, $1::int);
