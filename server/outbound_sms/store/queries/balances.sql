-- name: get
-- Reads a balance with what could be requeued.
-- $1 instance.
SELECT b.instance_id, b.available_micros, b.held_micros, b.spent_micros, i.currency,
       b.low_funds_threshold_micros, b.low_funds_time, b.waits_until,
       u.messages, u.cost_micros
  FROM balance b
  JOIN instance i ON i.id = b.instance_id,
       LATERAL (SELECT count(*) AS messages, coalesce(sum(u.cost_micros), 0)::bigint AS cost_micros
                  FROM unfunded u
                 WHERE u.instance_id = b.instance_id AND u.valid_until > clock_timestamp()
                   AND NOT EXISTS (SELECT FROM mass_message m
                                    WHERE m.id = u.mass_message_id AND m.instance_id = u.instance_id
                                      AND m.state = 4)) u
 WHERE b.instance_id = $1;

-- name: list
-- Reads the balances of several instances; what could be requeued is read by `list_unfunded`.
-- $1 instances.
SELECT b.instance_id, b.available_micros, b.held_micros, b.spent_micros, i.currency,
       b.low_funds_threshold_micros, b.low_funds_time, b.waits_until,
       0::bigint AS messages, 0::bigint AS cost_micros
  FROM balance b JOIN instance i ON i.id = b.instance_id
 WHERE b.instance_id = ANY ($1);

-- name: list_unfunded
-- Sums up the texts that could not be paid, those that can be requeued, and when one last could not.
-- Takes as long as there are such texts. $1 instances.
SELECT u.instance_id, max(u.fail_time) AS newest,
       count(*) FILTER (WHERE u.valid_until > clock_timestamp() AND m.id IS NULL) AS messages,
       coalesce(sum(u.cost_micros) FILTER (WHERE u.valid_until > clock_timestamp() AND m.id IS NULL), 0)::bigint
         AS cost_micros
  FROM unfunded u
  LEFT JOIN mass_message m ON m.id = u.mass_message_id AND m.instance_id = u.instance_id AND m.state = 4
 WHERE u.instance_id = ANY ($1)
 GROUP BY u.instance_id;

-- name: list_recent_top_ups
-- Reads the states of the newest top-ups of several instances, the newest first.
-- $1 instances, $2 how many of each.
SELECT t.instance_id, t.id, t.state
  FROM unnest($1::uuid[]) AS wanted (instance_id),
       LATERAL (SELECT t.instance_id, t.id, t.state FROM top_up t
                 WHERE t.instance_id = wanted.instance_id ORDER BY t.id DESC LIMIT $2) t
 ORDER BY t.instance_id, t.id DESC;

-- name: available
-- Reads what can be spent.
-- $1 instance.
SELECT available_micros FROM balance WHERE instance_id = $1;

-- name: lock
-- Reads what can be spent, and keeps it so until the transaction ends.
-- $1 instance.
SELECT available_micros FROM balance WHERE instance_id = $1 FOR NO KEY UPDATE;

-- name: adjust
-- Adds an adjustment to the ledger, which moves the balance.
-- $1 instance, $2 amount, $3 note.
INSERT INTO ledger_entry (instance_id, kind, amount_micros, note) VALUES ($1, 6, $2, $3);

-- name: take_low_funds
-- Marks the balances that have fallen below their threshold as told of, each by one process only.
WITH untold AS MATERIALIZED (
  SELECT b.instance_id FROM balance b WHERE NOT b.low_funds_told
   ORDER BY b.instance_id FOR NO KEY UPDATE SKIP LOCKED)
UPDATE balance b SET low_funds_told = true
  FROM untold
 WHERE b.instance_id = untold.instance_id
RETURNING b.instance_id, b.available_micros, b.low_funds_threshold_micros, b.low_funds_time;
