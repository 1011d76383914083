-- Whose account at the app a link connects to, masked before it is stored: the connect page shows it.
ALTER TABLE widget_session ADD COLUMN account_label TEXT;
-- Which account at the provider is connected, masked before it is stored.
ALTER TABLE connection ADD COLUMN account_label TEXT;
