-- name: counts_follow
-- Whether the counts of a mass message have every change of its texts that has been committed: none is newer
-- than what the last tick saw.
SELECT NOT EXISTS (
  SELECT FROM status_event e
   WHERE e.xid >= pg_snapshot_xmin(last.snap) AND NOT pg_visible_in_snapshot(e.xid, last.snap)
     AND e.instance_id = $1 AND e.mass_message_id = $2)
  FROM (SELECT t.snap FROM feed_tick t ORDER BY t.tick DESC LIMIT 1) last;
