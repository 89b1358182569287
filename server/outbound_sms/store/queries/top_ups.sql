-- Charges that add funds. Money comes in by `succeed` alone.

-- name: add
-- One that a person asked for, paid as the instance pays. No row means that it has no payment method.
INSERT INTO top_up (instance_id, automatic, amount_micros, currency, customer, payment_method)
SELECT i.id, false, $2, i.currency, a.customer, a.payment_method
  FROM auto_buy a JOIN instance i ON i.id = a.instance_id
 WHERE a.instance_id = $1 AND a.payment_method <> ''
RETURNING id, instance_id, automatic, amount_micros, currency, customer, payment_method, state, attempts,
          failure_code, gateway_payment_id, create_time, finish_time;

-- name: get
-- Whatever became of it.
SELECT id, instance_id, automatic, amount_micros, currency, customer, payment_method, state, attempts,
       failure_code, gateway_payment_id, create_time, finish_time
  FROM top_up WHERE instance_id = $1 AND id = $2;

-- name: list
-- Newest first.
SELECT id, instance_id, automatic, amount_micros, currency, customer, payment_method, state, attempts,
       failure_code, gateway_payment_id, create_time, finish_time
  FROM top_up WHERE instance_id = $1 AND ($2::uuid IS NULL OR id < $2)
 ORDER BY id DESC LIMIT $3;

-- name: take_due
-- Of all instances. From here on the gateway may have been asked: a worker that dies leaves them in this
-- state, due again when its lease has run out. Nobody waits for rows that another worker is taking.
WITH due AS (
  SELECT t.id FROM top_up t
   WHERE t.state IN (1, 2) AND t.due_time <= clock_timestamp()
   ORDER BY t.due_time LIMIT $1 FOR UPDATE SKIP LOCKED)
UPDATE top_up t
   SET state = 2, attempts = t.attempts + 1,
       first_charge_time = coalesce(t.first_charge_time, clock_timestamp()),
       due_time = clock_timestamp() + make_interval(secs => $2)
  FROM due WHERE t.id = due.id
RETURNING t.id, t.instance_id, t.automatic, t.amount_micros, t.currency, t.customer, t.payment_method, t.state,
          t.attempts, t.failure_code, t.gateway_payment_id, t.create_time, t.finish_time,
          clock_timestamp() - t.first_charge_time AS asked_for;

-- name: succeed
-- The entry and the state together, and once: a second answer finds it succeeded and adds nothing. One
-- that was said to have failed counts as well, since what was charged is the instance's money.
WITH before AS (SELECT id, state FROM top_up WHERE id = $1 FOR UPDATE),
paid AS (
  UPDATE top_up t
     SET state = 3, gateway_payment_id = $2, failure_code = NULL, finish_time = clock_timestamp()
    FROM before
   WHERE t.id = before.id AND before.state <> 3
  RETURNING t.id, t.instance_id, t.amount_micros, before.state),
entered AS (
  INSERT INTO ledger_entry (instance_id, kind, amount_micros, top_up_id)
  SELECT instance_id, 1, amount_micros, id FROM paid)
SELECT state FROM paid;

-- name: fail
-- Texts that wait for an automatic one wait no longer. The balance is written whether or not they do: a
-- claim that has just made them wait holds its row, and this statement would not see it.
WITH failed AS (
  UPDATE top_up
     SET state = 4, failure_code = $2, gateway_payment_id = coalesce($3, gateway_payment_id),
         finish_time = clock_timestamp()
   WHERE id = $1 AND state IN (1, 2)
  RETURNING id, instance_id, automatic),
told AS (
  UPDATE balance b SET waits_until = NULL FROM failed f WHERE b.instance_id = f.instance_id AND f.automatic)
SELECT id FROM failed;

-- name: postpone
-- Nothing is settled yet; it is asked for again after a pause.
UPDATE top_up SET due_time = clock_timestamp() + make_interval(secs => $2)
 WHERE id = $1 AND state = 2;
