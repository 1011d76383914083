-- When the provider was last asked whether the grant lives, and when its coming end was announced.
ALTER TABLE token_set ADD COLUMN checked_at_ms INTEGER;
ALTER TABLE token_set ADD COLUMN warned_at_ms INTEGER;
-- The provider limits calls for this account until then.
ALTER TABLE token_set ADD COLUMN limited_until_ms INTEGER;
