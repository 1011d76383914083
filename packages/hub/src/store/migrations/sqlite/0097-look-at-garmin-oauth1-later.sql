-- In an upgrade without a pause a process of the version before, which never asks, would take up what 0090 made due at once, and put it away for good.
-- A day later it is gone. Over the day after that, so that not all are asked in one moment, today and every day from then on.
UPDATE token_set SET refresh_at_ms = (SELECT max(ran_at_ms) FROM migration) + 86400000 + obtained_at_ms % 86400000
WHERE provider = 'GARMIN_OAUTH1' AND (refresh_at_ms IS NULL OR refresh_at_ms = 0);
