-- What has not ended is known by its end, which changes once: by its status, each claim would write these anew.
DROP INDEX delivery_lane;
CREATE INDEX delivery_lane ON delivery ((destination_id || '/' || order_key), is_data, id)
  WHERE ended_at_ms IS NULL;
DROP INDEX delivery_owed;
CREATE INDEX delivery_owed ON delivery (destination_id, id) WHERE ended_at_ms IS NULL;
DROP INDEX delivery_resend_owed;
CREATE INDEX delivery_resend_owed ON delivery (resend_id, id)
  WHERE resend_id <> '' AND ended_at_ms IS NULL;
