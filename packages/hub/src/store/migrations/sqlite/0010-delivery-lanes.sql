-- Deliveries whose claims cost the same whatever is waiting, and events in commit order.
-- No foreign keys at delivery and attempt: they are the hot path, and the ledger checks more than a key can.
CREATE TABLE event_new (
  -- Ascends in commit order: the cursor of the history and of the pull API.
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  type TEXT NOT NULL,
  lineage_id TEXT,
  order_key TEXT NOT NULL,
  user_id TEXT,
  reference_id TEXT,
  provider TEXT,
  body TEXT NOT NULL,
  ordering_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- Destinations that the environment had at the commit: so many deliveries there must be, suppressed ones included.
  fan_out INTEGER NOT NULL,
  -- W3C traceparent of what caused it; null where nobody traces.
  trace_parent TEXT
) STRICT;
INSERT INTO event_new (id, environment_id, type, lineage_id, order_key, user_id, reference_id, provider, body, ordering_ms, created_at_ms, fan_out)
  SELECT id, environment_id, type, lineage_id, order_key, user_id, reference_id, provider, body, ordering_ms, created_at_ms,
    (SELECT count(*) FROM delivery WHERE delivery.event_id = event.id)
  FROM event ORDER BY rowid;

-- waiting: behind another one of its lane. pending: to be sent when it is due. sending: claimed.
-- suppressed: its destination does not want it; reason says why. Held is what is owed to a disabled destination.
CREATE TABLE delivery_new (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  event_id TEXT NOT NULL,
  destination_id TEXT NOT NULL,
  order_key TEXT NOT NULL,
  -- 1 for health data, which never stands before what happened to a connection.
  is_data INTEGER NOT NULL,
  -- The resend that asked for it; empty for the first delivery of an event.
  resend_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('waiting', 'pending', 'sending', 'delivered', 'failed', 'suppressed')),
  reason TEXT,
  attempts INTEGER NOT NULL,
  -- Attempts of the present series: the delay grows with these, and begins anew when the destination is enabled.
  tries INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL,
  trying_since_ms INTEGER,
  claim_id TEXT,
  claim_until_ms INTEGER,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  UNIQUE (event_id, destination_id, resend_id)
) STRICT;
INSERT INTO delivery_new
  SELECT d.id, d.event_id, d.destination_id, d.order_key,
    event.type IN ('activity', 'athlete', 'body', 'daily', 'hormone', 'menstruation', 'nutrition', 'planned_workout', 'sleep'),
    '', CASE WHEN d.status IN ('delivered', 'failed') THEN d.status ELSE 'waiting' END, NULL,
    d.attempts, d.attempts, d.due_at_ms, d.trying_since_ms, NULL, NULL, d.created_at_ms, d.ended_at_ms
  FROM delivery d JOIN event ON event.id = d.event_id ORDER BY d.id;

CREATE TABLE attempt_new (
  delivery_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  -- Null where no answer came; then error says why.
  http_status INTEGER,
  error TEXT,
  -- JSON object of the first headers of the answer.
  response_headers TEXT,
  -- The first 16 KB.
  response_body TEXT,
  -- Which process made it.
  process_id TEXT,
  PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;
INSERT INTO attempt_new
  SELECT delivery_id, number, started_at_ms, duration_ms, http_status, error, NULL, response_body, NULL FROM attempt;

DROP TABLE attempt;
DROP TABLE delivery;
DROP TABLE event;
ALTER TABLE event_new RENAME TO event;
ALTER TABLE delivery_new RENAME TO delivery;
ALTER TABLE attempt_new RENAME TO attempt;

CREATE INDEX event_by_environment ON event (environment_id, seq);
CREATE INDEX event_by_type ON event (environment_id, type, seq);
CREATE INDEX event_by_user ON event (environment_id, user_id, seq);
CREATE INDEX event_by_reference ON event (environment_id, reference_id, seq);
CREATE INDEX event_by_lineage ON event (lineage_id, seq);

-- What can be claimed, and only that: neither what waits nor what is under way stands in the way.
CREATE INDEX delivery_due ON delivery (destination_id, is_data, due_at_ms, id) WHERE status = 'pending';
CREATE INDEX delivery_sending ON delivery (claim_until_ms) WHERE status = 'sending';
CREATE INDEX delivery_lane ON delivery (destination_id, order_key, is_data, id)
  WHERE status IN ('waiting', 'pending', 'sending');
CREATE INDEX delivery_by_destination ON delivery (destination_id, id);
CREATE INDEX delivery_failed ON delivery (destination_id, id) WHERE status = 'failed';
CREATE INDEX delivery_by_resend ON delivery (resend_id, id) WHERE resend_id <> '';

-- The head of each lane can be sent; data behind what happened to its connection before.
UPDATE delivery SET status = 'pending' WHERE status = 'waiting' AND NOT EXISTS (
  SELECT 1 FROM delivery earlier
  WHERE earlier.destination_id = delivery.destination_id AND earlier.order_key = delivery.order_key
    AND earlier.id < delivery.id AND earlier.is_data <= delivery.is_data
    AND earlier.status IN ('waiting', 'pending', 'sending'));

-- version grows with each change that whoever delivers has to see.
ALTER TABLE destination ADD COLUMN concurrency INTEGER NOT NULL DEFAULT 8;
ALTER TABLE destination ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
-- Attempts before this belong to an earlier series: the destination has been enabled since.
ALTER TABLE destination ADD COLUMN resumed_at_ms INTEGER;
