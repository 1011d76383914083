-- What was never sent, by destination: few among many, and asked for by the list of deliveries.
CREATE INDEX delivery_suppressed ON delivery (destination_id, id) WHERE status = 'suppressed';
