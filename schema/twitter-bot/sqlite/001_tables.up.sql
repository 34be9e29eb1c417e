-- The six tables of the database form.
--
-- Repaired against the bot's only revision:
-- * the status list is quoted as PostgreSQL requires (the original cannot be created there at all), and status is
--   NOT NULL, since NULL passes any CHECK;
-- * target_language holds 64 characters: the bot stores names, "Chinese (Simplified)" among them, and
--   translation_cache takes the same names;
-- * the defaults that only the program applied are real defaults, so rows of other writers have them too;
-- * a tweet takes its translations along (ON DELETE CASCADE): without it the bot's clean-up of old tweets fails as a
--   whole at the first tweet that has a translation, and a translation without its tweet serves nobody;
-- * unique constraints have names on both engines, so that later versions can drop them.
--
-- SQLite: DATETIME is the text form that the bot reads and writes, "YYYY-MM-DD HH:MM:SS.ffffff" in UTC; another form in
-- the same column would break its comparisons, so it is checked. Lengths are checked as well; JSON only by its first
-- and last character: a schema that is opened with trusted_schema=OFF, as windrow does, may not use the functions that
-- read JSON.

CREATE TABLE tweets (
    id VARCHAR(50) NOT NULL,
    text TEXT NOT NULL,
    author_username VARCHAR(255) NOT NULL,
    author_id VARCHAR(50) NOT NULL,
    created_at DATETIME NOT NULL,
    processed_at DATETIME DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
    public_metrics JSON DEFAULT '{}',
    in_reply_to_user_id VARCHAR(50),
    referenced_tweets JSON DEFAULT '[]',
    entities JSON DEFAULT '{}',
    language VARCHAR(10),
    character_count INTEGER NOT NULL,
    tweet_metadata JSON DEFAULT '{}',
    CONSTRAINT tweets_id_check CHECK (id <> ''),
    CONSTRAINT tweets_character_count_check CHECK (character_count >= 0),
    CONSTRAINT tweets_pkey PRIMARY KEY (id),
    CONSTRAINT tweets_id_length CHECK (length(id) <= 50),
    CONSTRAINT tweets_author_username_length CHECK (length(author_username) <= 255),
    CONSTRAINT tweets_author_id_length CHECK (length(author_id) <= 50),
    CONSTRAINT tweets_created_at_form CHECK (created_at GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT tweets_processed_at_form CHECK (processed_at GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT tweets_public_metrics_form CHECK (public_metrics IS NULL OR (typeof(public_metrics) = 'text' AND
        (public_metrics GLOB '{*}' OR public_metrics GLOB '[[]*]' OR public_metrics = 'null'))),
    CONSTRAINT tweets_in_reply_to_user_id_length CHECK (length(in_reply_to_user_id) <= 50),
    CONSTRAINT tweets_referenced_tweets_form CHECK (referenced_tweets IS NULL OR
        (typeof(referenced_tweets) = 'text' AND (referenced_tweets GLOB '{*}' OR referenced_tweets GLOB '[[]*]' OR
        referenced_tweets = 'null'))),
    CONSTRAINT tweets_entities_form CHECK (entities IS NULL OR (typeof(entities) = 'text' AND
        (entities GLOB '{*}' OR entities GLOB '[[]*]' OR entities = 'null'))),
    CONSTRAINT tweets_language_length CHECK (length(language) <= 10),
    CONSTRAINT tweets_character_count_form CHECK (typeof(character_count) = 'integer'),
    CONSTRAINT tweets_tweet_metadata_form CHECK (tweet_metadata IS NULL OR (typeof(tweet_metadata) = 'text' AND
        (tweet_metadata GLOB '{*}' OR tweet_metadata GLOB '[[]*]' OR tweet_metadata = 'null')))
);

CREATE TABLE translations (
    id INTEGER PRIMARY KEY,
    original_tweet_id VARCHAR(50) NOT NULL,
    translated_text TEXT NOT NULL,
    target_language VARCHAR(64) NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'pending',
    created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
    updated_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
    post_id VARCHAR(50),
    posted_at DATETIME,
    error_info JSON,
    retry_count INTEGER NOT NULL DEFAULT 0,
    character_count INTEGER NOT NULL,
    translation_metadata JSON DEFAULT '{}',
    CONSTRAINT translations_target_language_check CHECK (target_language <> ''),
    CONSTRAINT translations_retry_count_check CHECK (retry_count >= 0),
    CONSTRAINT translations_character_count_check CHECK (character_count >= 0),
    CONSTRAINT uq_tweet_language UNIQUE (original_tweet_id, target_language),
    CONSTRAINT ck_translation_status CHECK (status IN ('pending', 'posted', 'failed', 'draft')),
    CONSTRAINT translations_original_tweet_id_fkey FOREIGN KEY (original_tweet_id)
        REFERENCES tweets (id) ON DELETE CASCADE,
    CONSTRAINT translations_original_tweet_id_length CHECK (length(original_tweet_id) <= 50),
    CONSTRAINT translations_target_language_length CHECK (length(target_language) <= 64),
    CONSTRAINT translations_status_length CHECK (length(status) <= 20),
    CONSTRAINT translations_created_at_form CHECK (created_at GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT translations_updated_at_form CHECK (updated_at GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT translations_post_id_length CHECK (length(post_id) <= 50),
    CONSTRAINT translations_posted_at_form CHECK (posted_at GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT translations_error_info_form CHECK (error_info IS NULL OR (typeof(error_info) = 'text' AND
        (error_info GLOB '{*}' OR error_info GLOB '[[]*]' OR error_info = 'null'))),
    CONSTRAINT translations_retry_count_form CHECK (typeof(retry_count) = 'integer'),
    CONSTRAINT translations_character_count_form CHECK (typeof(character_count) = 'integer'),
    CONSTRAINT translations_translation_metadata_form CHECK (translation_metadata IS NULL OR
        (typeof(translation_metadata) = 'text' AND (translation_metadata GLOB '{*}' OR
        translation_metadata GLOB '[[]*]' OR translation_metadata = 'null')))
);

CREATE TABLE api_usage (
    id INTEGER PRIMARY KEY,
    service VARCHAR(50) NOT NULL,
    endpoint VARCHAR(100) NOT NULL,
    method VARCHAR(10) DEFAULT 'GET',
    timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
    response_time REAL,
    status_code INTEGER,
    success BOOLEAN NOT NULL DEFAULT 1,
    error_info JSON,
    request_metadata JSON DEFAULT '{}',
    date VARCHAR(10) NOT NULL,
    month VARCHAR(7) NOT NULL,
    CONSTRAINT api_usage_response_time_check CHECK (response_time >= 0),
    CONSTRAINT api_usage_date_check CHECK (date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    CONSTRAINT api_usage_month_check CHECK (month GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]'),
    CONSTRAINT api_usage_service_length CHECK (length(service) <= 50),
    CONSTRAINT api_usage_endpoint_length CHECK (length(endpoint) <= 100),
    CONSTRAINT api_usage_method_length CHECK (length(method) <= 10),
    CONSTRAINT api_usage_timestamp_form CHECK (timestamp GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT api_usage_status_code_form CHECK (status_code IS NULL OR typeof(status_code) = 'integer'),
    CONSTRAINT api_usage_success_form CHECK (success IN (0, 1)),
    CONSTRAINT api_usage_error_info_form CHECK (error_info IS NULL OR (typeof(error_info) = 'text' AND
        (error_info GLOB '{*}' OR error_info GLOB '[[]*]' OR error_info = 'null'))),
    CONSTRAINT api_usage_request_metadata_form CHECK (request_metadata IS NULL OR
        (typeof(request_metadata) = 'text' AND (request_metadata GLOB '{*}' OR request_metadata GLOB '[[]*]' OR
        request_metadata = 'null'))),
    CONSTRAINT api_usage_date_length CHECK (length(date) <= 10),
    CONSTRAINT api_usage_month_length CHECK (length(month) <= 7)
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    account_name VARCHAR(100) NOT NULL,
    account_type VARCHAR(20) NOT NULL DEFAULT 'primary',
    api_credentials JSON DEFAULT '{}',
    settings JSON DEFAULT '{}',
    created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
    updated_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
    last_active DATETIME,
    is_active BOOLEAN NOT NULL DEFAULT 1,
    CONSTRAINT users_account_name_check CHECK (account_name <> ''),
    CONSTRAINT users_account_type_check CHECK (account_type IN ('primary', 'translation')),
    CONSTRAINT uq_users_account_name UNIQUE (account_name),
    CONSTRAINT users_account_name_length CHECK (length(account_name) <= 100),
    CONSTRAINT users_api_credentials_form CHECK (api_credentials IS NULL OR (typeof(api_credentials) = 'text' AND
        (api_credentials GLOB '{*}' OR api_credentials GLOB '[[]*]' OR api_credentials = 'null'))),
    CONSTRAINT users_settings_form CHECK (settings IS NULL OR (typeof(settings) = 'text' AND
        (settings GLOB '{*}' OR settings GLOB '[[]*]' OR settings = 'null'))),
    CONSTRAINT users_created_at_form CHECK (created_at GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT users_updated_at_form CHECK (updated_at GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT users_last_active_form CHECK (last_active GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT users_is_active_form CHECK (is_active IN (0, 1))
);

CREATE TABLE translation_cache (
    id INTEGER PRIMARY KEY,
    cache_key VARCHAR(128) NOT NULL,
    original_text TEXT NOT NULL,
    translated_text TEXT NOT NULL,
    source_language VARCHAR(64),
    target_language VARCHAR(64) NOT NULL,
    created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
    last_accessed DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
    expires_at DATETIME,
    access_count INTEGER NOT NULL DEFAULT 0,
    confidence_score REAL,
    quality_metrics JSON DEFAULT '{}',
    translator_service VARCHAR(50) DEFAULT 'gemini',
    cache_metadata JSON DEFAULT '{}',
    CONSTRAINT translation_cache_cache_key_check CHECK (cache_key <> ''),
    CONSTRAINT translation_cache_access_count_check CHECK (access_count >= 0),
    CONSTRAINT uq_translation_cache_key UNIQUE (cache_key),
    CONSTRAINT translation_cache_cache_key_length CHECK (length(cache_key) <= 128),
    CONSTRAINT translation_cache_source_language_length CHECK (length(source_language) <= 64),
    CONSTRAINT translation_cache_target_language_length CHECK (length(target_language) <= 64),
    CONSTRAINT translation_cache_created_at_form CHECK (created_at GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT translation_cache_last_accessed_form CHECK (last_accessed GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT translation_cache_expires_at_form CHECK (expires_at GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT translation_cache_access_count_form CHECK (typeof(access_count) = 'integer'),
    CONSTRAINT translation_cache_quality_metrics_form CHECK (quality_metrics IS NULL OR
        (typeof(quality_metrics) = 'text' AND (quality_metrics GLOB '{*}' OR quality_metrics GLOB '[[]*]' OR
        quality_metrics = 'null'))),
    CONSTRAINT translation_cache_translator_service_length CHECK (length(translator_service) <= 50),
    CONSTRAINT translation_cache_cache_metadata_form CHECK (cache_metadata IS NULL OR
        (typeof(cache_metadata) = 'text' AND (cache_metadata GLOB '{*}' OR cache_metadata GLOB '[[]*]' OR
        cache_metadata = 'null')))
);

CREATE TABLE system_state (
    id INTEGER PRIMARY KEY,
    key VARCHAR(100) NOT NULL,
    value TEXT,
    description VARCHAR(500),
    state_type VARCHAR(50) NOT NULL DEFAULT 'general',
    created_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
    updated_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
    CONSTRAINT system_state_key_check CHECK (key <> ''),
    CONSTRAINT uq_system_state_key UNIQUE (key),
    CONSTRAINT system_state_key_length CHECK (length(key) <= 100),
    CONSTRAINT system_state_description_length CHECK (length(description) <= 500),
    CONSTRAINT system_state_state_type_length CHECK (length(state_type) <= 50),
    CONSTRAINT system_state_created_at_form CHECK (created_at GLOB '????-??-?? ??:??:??.??????'),
    CONSTRAINT system_state_updated_at_form CHECK (updated_at GLOB '????-??-?? ??:??:??.??????')
);
