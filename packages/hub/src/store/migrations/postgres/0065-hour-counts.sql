-- Events and deliveries, counted by the hour in which they were made: charts add up hours instead of rows.
CREATE TABLE event_count (
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  hour_ms bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (environment_id, hour_ms, type)
);

CREATE TABLE delivery_count (
  destination_id text COLLATE "C" NOT NULL,
  hour_ms bigint NOT NULL,
  delivered bigint NOT NULL,
  failed bigint NOT NULL,
  -- From event to delivery, over the delivered ones.
  lag_sum_ms bigint NOT NULL,
  lag_max_ms bigint NOT NULL,
  PRIMARY KEY (destination_id, hour_ms)
);

-- Deliveries behind the cursor that had not ended when it passed them.
CREATE TABLE delivery_uncounted (
  destination_id text COLLATE "C" NOT NULL,
  delivery_id bigint NOT NULL,
  PRIMARY KEY (destination_id, delivery_id)
);

-- Up to which number rows are counted; what is newer is counted when it is asked for.
CREATE TABLE count_cursor (
  name text COLLATE "C" NOT NULL PRIMARY KEY CHECK (name IN ('event', 'delivery')),
  seq bigint NOT NULL
);

INSERT INTO count_cursor (name, seq) VALUES ('event', 0), ('delivery', 0);
