-- Back to keys alone.

DROP INDEX idx_system_state_type;
DROP INDEX idx_cache_accessed;
DROP INDEX idx_cache_lang_pair;
DROP INDEX idx_cache_expires;
DROP INDEX idx_users_last_active;
DROP INDEX idx_users_active;
DROP INDEX idx_api_usage_success;
DROP INDEX idx_api_usage_month;
DROP INDEX idx_api_usage_date;
DROP INDEX idx_api_usage_timestamp;
DROP INDEX idx_api_usage_service;
DROP INDEX idx_translations_created;
DROP INDEX idx_translations_status;
DROP INDEX idx_tweets_processed;
DROP INDEX idx_tweets_author;
DROP INDEX idx_tweets_created_at;
