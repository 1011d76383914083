-- Events and deliveries, counted by the hour in which they were made: charts add up hours instead of rows.
CREATE TABLE event_count (
  environment_id TEXT NOT NULL REFERENCES environment (id),
  hour_ms INTEGER NOT NULL,
  type TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (environment_id, hour_ms, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery_count (
  destination_id TEXT NOT NULL,
  hour_ms INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  -- From event to delivery, over the delivered ones.
  lag_sum_ms INTEGER NOT NULL,
  lag_max_ms INTEGER NOT NULL,
  PRIMARY KEY (destination_id, hour_ms)
) STRICT, WITHOUT ROWID;

-- Deliveries behind the cursor that had not ended when it passed them.
CREATE TABLE delivery_uncounted (
  destination_id TEXT NOT NULL,
  delivery_id INTEGER NOT NULL,
  PRIMARY KEY (destination_id, delivery_id)
) STRICT, WITHOUT ROWID;

-- Up to which number rows are counted; what is newer is counted when it is asked for.
CREATE TABLE count_cursor (
  name TEXT NOT NULL PRIMARY KEY CHECK (name IN ('event', 'delivery')),
  seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO count_cursor (name, seq) VALUES ('event', 0), ('delivery', 0);
