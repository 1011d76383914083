-- The last event that was removed, for whoever fetches the history from somewhere before it. Of what was removed until now, at most what is older than all that is kept.
ALTER TABLE retention ADD COLUMN removed_seq INTEGER NOT NULL DEFAULT 0;
UPDATE retention SET removed_seq = coalesce(
  (SELECT min(seq) - 1 FROM event WHERE event.environment_id = retention.environment_id), cursor_seq);
