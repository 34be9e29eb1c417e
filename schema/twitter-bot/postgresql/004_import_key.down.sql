DROP INDEX uq_api_usage_import_key;
ALTER TABLE api_usage DROP COLUMN import_key;
