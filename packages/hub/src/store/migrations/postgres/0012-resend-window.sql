-- What a resend has made that has not ended: it makes more only while this is little.
CREATE INDEX delivery_resend_owed ON delivery (resend_id, id)
  WHERE resend_id <> '' AND status IN ('waiting', 'pending', 'sending');
