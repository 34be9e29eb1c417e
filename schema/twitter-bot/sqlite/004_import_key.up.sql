-- What tells an imported API call apart, so that a second import finds it again. The table has no natural key: the bot
-- may log two calls that look alike, and its rows have NULL here, as often as they like.

ALTER TABLE api_usage ADD COLUMN import_key VARCHAR(200) CONSTRAINT api_usage_import_key_length CHECK (length(import_key) <= 200);
CREATE UNIQUE INDEX uq_api_usage_import_key ON api_usage (import_key);
