-- What the operator says differently from the catalog: JSON, see ProviderOverrides.
ALTER TABLE provider_app ADD COLUMN overrides text COLLATE "C" NOT NULL DEFAULT '{}';
-- JSON: the secret of the notice address, and what the provider issued beside the client's secret.
ALTER TABLE provider_app ADD COLUMN secrets_sealed text COLLATE "C";
