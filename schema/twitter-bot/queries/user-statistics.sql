-- Accounts: all, active, active of each kind.
SELECT count(*) AS total, count(*) FILTER (WHERE is_active) AS active,
       count(*) FILTER (WHERE is_active AND account_type = 'primary') AS active_primary,
       count(*) FILTER (WHERE is_active AND account_type = 'translation') AS active_translation
FROM users;
