-- The bot's indexes under the bot's names.
--
-- Left out: idx_translations_tweet_lang, idx_users_account_name, idx_cache_key and idx_system_state_key, which repeat
-- the index of a unique constraint.

CREATE INDEX idx_tweets_created_at ON tweets (created_at);
CREATE INDEX idx_tweets_author ON tweets (author_id);
CREATE INDEX idx_tweets_processed ON tweets (processed_at);
CREATE INDEX idx_translations_status ON translations (status);
CREATE INDEX idx_translations_created ON translations (created_at);
CREATE INDEX idx_api_usage_service ON api_usage (service);
CREATE INDEX idx_api_usage_timestamp ON api_usage (timestamp);
CREATE INDEX idx_api_usage_date ON api_usage (date);
CREATE INDEX idx_api_usage_month ON api_usage (month);
CREATE INDEX idx_api_usage_success ON api_usage (success);
CREATE INDEX idx_users_active ON users (is_active);
CREATE INDEX idx_users_last_active ON users (last_active);
CREATE INDEX idx_cache_expires ON translation_cache (expires_at);
CREATE INDEX idx_cache_lang_pair ON translation_cache (source_language, target_language);
CREATE INDEX idx_cache_accessed ON translation_cache (last_accessed);
CREATE INDEX idx_system_state_type ON system_state (state_type);
