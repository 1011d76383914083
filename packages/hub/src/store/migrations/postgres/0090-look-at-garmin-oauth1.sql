-- Connections that nobody looked at until now: the worker takes them up and asks daily whether they are still there.
UPDATE token_set SET refresh_at_ms = 0 WHERE provider = 'GARMIN_OAUTH1' AND refresh_at_ms IS NULL;
