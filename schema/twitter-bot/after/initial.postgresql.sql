-- What the set-up of the bot makes in a new database. Nothing is done where it is there already.

INSERT INTO users (account_name, account_type, api_credentials, settings)
SELECT 'primary_account', 'primary', '{}', '{"poll_interval":300,"max_tweets_per_poll":10,"auto_post_enabled":true}'
WHERE NOT EXISTS (SELECT FROM users WHERE account_type = 'primary')
ON CONFLICT (account_name) DO NOTHING;

INSERT INTO system_state (key, value, description, state_type) VALUES
    ('database_initialized', 'true', 'Indicates database has been properly initialized', 'system'),
    ('initialization_date', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
     'Date when database was initialized', 'system')
ON CONFLICT (key) DO NOTHING;
