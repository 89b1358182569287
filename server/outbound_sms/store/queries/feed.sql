-- name: tick
-- Moves what has become visible to the feed; the function in the schema says why nothing is lost.
SELECT feed_tick_once();

-- name: allow_long_statements
-- Lets one session's statements take as long as a tick may that has days to copy.
SELECT set_config('statement_timeout', $1, false),
       CASE WHEN current_setting('server_version_num')::integer >= 170000
            THEN set_config('transaction_timeout', $1, false) END;

-- name: edges
-- Reads between which positions the feed is whole. The oldest tick that is kept is the horizon: rows up
-- to its last position may have been deleted. The newest tick is the head: nothing lies after it yet.
SELECT (SELECT t.last_pos FROM feed_tick t ORDER BY t.tick LIMIT 1) AS horizon,
       (SELECT t.last_pos FROM feed_tick t ORDER BY t.tick DESC LIMIT 1) AS head,
       (SELECT coalesce(max(e.epoch), 0) FROM feed_epoch e) AS epoch;

-- name: read_instance
-- Reads a page of one instance's rows, in the same snapshot as the edges: a short page proves that
-- there is nothing else up to the head. Rows without an event of the wanted mass message come bare, so
-- that a reader moves on over them. Always at least one row.
-- $1 instance, $2 position after which to read, $3 most rows, $4 mass message or NULL.
SELECT edge.horizon, edge.head, edge.epoch, f.pos, f.instance_id, e.*
  FROM (SELECT (SELECT t.last_pos FROM feed_tick t ORDER BY t.tick LIMIT 1) AS horizon,
               (SELECT t.last_pos FROM feed_tick t ORDER BY t.tick DESC LIMIT 1) AS head,
               (SELECT coalesce(max(p.epoch), 0) FROM feed_epoch p) AS epoch) edge
  LEFT JOIN LATERAL (
    SELECT * FROM feed WHERE feed.instance_id = $1 AND feed.pos > $2 ORDER BY feed.pos LIMIT $3) f ON true
  LEFT JOIN LATERAL (
    SELECT f.message_ids::text[] AS message_ids, f.mass_message_ids::text[] AS mass_message_ids,
           f.event_times, f.versions, f.statuses, f.reject_reasons
     WHERE $4::uuid IS NULL OR $4 = ANY (f.mass_message_ids)) e ON true
 ORDER BY f.pos;

-- name: read_tail
-- Reads what a process has not seen yet, of all instances; events only of those that somebody in the
-- process watches. Always at least one row.
-- $1 position after which to read, $2 most rows, $3 instances that are watched.
SELECT edge.horizon, edge.head, edge.epoch, f.pos, f.instance_id, e.*
  FROM (SELECT (SELECT t.last_pos FROM feed_tick t ORDER BY t.tick LIMIT 1) AS horizon,
               (SELECT t.last_pos FROM feed_tick t ORDER BY t.tick DESC LIMIT 1) AS head,
               (SELECT coalesce(max(p.epoch), 0) FROM feed_epoch p) AS epoch) edge
  LEFT JOIN LATERAL (SELECT * FROM feed WHERE feed.pos > $1 ORDER BY feed.pos LIMIT $2) f ON true
  LEFT JOIN LATERAL (
    SELECT f.message_ids::text[] AS message_ids, f.mass_message_ids::text[] AS mass_message_ids,
           f.event_times, f.versions, f.statuses, f.reject_reasons
     WHERE f.instance_id = ANY ($3::uuid[])) e ON true
 ORDER BY f.pos;

-- name: ping
-- Shows whether a connection that only listens is still there.
SELECT 1;

-- name: cluster
-- Reads which cluster this is and which of its histories: a fail-over or a recovery to a point in time
-- starts a new timeline, the first eight digits of a WAL file's name.
SELECT (SELECT system_identifier FROM pg_control_system()) AS system_identifier,
       ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer AS timeline_id;

-- name: epochs
-- Lists every epoch with the position at which it began, oldest first.
SELECT epoch, system_identifier, timeline_id, start_pos FROM feed_epoch ORDER BY epoch;

-- name: lock_gate
-- Waits until no process ticks and keeps others from it until the transaction ends.
SELECT 1 FROM feed_gate WHERE id = 1 FOR UPDATE;

-- name: add_epoch
-- Starts the next epoch after what the feed holds now.
INSERT INTO feed_epoch (epoch, system_identifier, timeline_id, start_pos)
SELECT coalesce((SELECT max(epoch) FROM feed_epoch), 0) + 1, $1, $2,
       (SELECT t.last_pos FROM feed_tick t ORDER BY t.tick DESC LIMIT 1) + 1;

-- name: try_retention
-- Lets one process at a time delete; the others skip their turn.
SELECT pg_try_advisory_xact_lock(7167236, 1);

-- name: move_horizon
-- Forgets ticks before the newest one that is older than the span. This comes before the rows go, so
-- that whoever reads from before the horizon is told, and never gets a gap.
DELETE FROM feed_tick
 WHERE tick < (SELECT max(t.tick) FROM feed_tick t WHERE t.tick_time < clock_timestamp() - $1::interval);

-- name: thin_ticks
-- Keeps one tick an hour once they are ten minutes old, since only the newest and the horizon count.
DELETE FROM feed_tick t
 USING (SELECT o.tick, row_number() OVER (PARTITION BY date_trunc('hour', o.tick_time) ORDER BY o.tick) AS place
          FROM feed_tick o WHERE o.tick_time < clock_timestamp() - interval '10 minutes') old
 WHERE t.tick = old.tick AND old.place > 1 AND t.tick < (SELECT max(n.tick) FROM feed_tick n);

-- name: delete_expired
-- Deletes some rows up to the horizon. The newest row stays: a rebase finds out from it what was fed.
DELETE FROM feed
 WHERE pos IN (SELECT f.pos FROM feed f
                WHERE f.pos <= (SELECT t.last_pos FROM feed_tick t ORDER BY t.tick LIMIT 1)
                  AND f.pos < (SELECT max(n.pos) FROM feed n)
                ORDER BY f.pos LIMIT $1);

-- name: current_snapshot
-- Takes the snapshot that a rebase stores. First of all in its transaction, before that has an id: what
-- the transaction marks as unfed must lie after the snapshot.
SELECT pg_current_snapshot()::text;

-- name: lock_events
-- Waits for writers of events and keeps new ones out.
LOCK TABLE status_event IN EXCLUSIVE MODE;

-- name: mark_unfed
-- Gives every event that is not in the feed the id of this transaction, so that the next tick takes it.
-- Unfed are those that the last tick could not see, by the transaction ids of the old cluster, and those
-- written since in the new one. The hour allows for clocks that differ.
WITH last AS (SELECT t.snap, t.tick_time FROM feed_tick t ORDER BY t.tick DESC LIMIT 1),
fed AS (SELECT unnest(f.seqs) AS seq FROM feed f, last WHERE f.feed_time > last.tick_time - interval '2 hours')
UPDATE status_event ev SET xid = pg_current_xact_id()
  FROM last
 WHERE (ev.xid >= pg_snapshot_xmax(last.snap)
        OR ev.xid = ANY (ARRAY (SELECT pg_snapshot_xip(last.snap)))
        OR ev.event_time > last.tick_time - interval '1 hour')
   AND NOT EXISTS (SELECT 1 FROM fed WHERE fed.seq = ev.seq);

-- name: forget_old_ids
-- Takes ids of the old cluster, which the new one will use again, from events that are in the feed.
UPDATE status_event SET xid = '3'::xid8
 WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot) AND xid <> pg_current_xact_id();

-- name: restart_ticks
-- Makes the snapshot the one from which the next tick goes on.
INSERT INTO feed_tick (snap, last_pos)
SELECT $1::text::pg_snapshot, (SELECT t.last_pos FROM feed_tick t ORDER BY t.tick DESC LIMIT 1);
