-- Until it ends, a process of the version before finds what is owed in `delivery_lane`; only its metrics and its page of a destination, which ask
-- for the oldest, may read the history for it.
DROP INDEX delivery_owed;
ALTER INDEX delivery_owed_apart RENAME TO delivery_owed;
