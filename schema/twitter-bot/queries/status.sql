-- Where the bot stands: requests against their limits, drafts and their health.
--
-- The day's requests are the calls logged by the database form plus those that came with the import: the counter of
-- api_usage.json or the calls of performance_metrics.json, whichever knows of more. They are the same calls, so they are not added.
-- windrow: param day day = today
-- windrow: param month month = today

-- windrow: section requests
WITH calls AS (
    SELECT date, month, request_metadata -> 'import' IS NOT NULL AS imported FROM api_usage
    WHERE service = 'twitter' AND COALESCE(CAST(request_metadata ->> 'aggregate' AS text), '') NOT IN ('true', '1')
), counts AS (
    SELECT count(*) FILTER (WHERE date = :day AND NOT imported) AS own_today,
           count(*) FILTER (WHERE date = :day AND imported) AS imported_today,
           COALESCE((SELECT CAST(value AS integer) FROM system_state WHERE key = 'daily_requests_twitter_' || CAST(:day AS text)), 0)
               AS counter_today,
           count(*) FILTER (WHERE month = :month) AS this_month,
           COALESCE((SELECT CAST(value AS integer) FROM system_state WHERE key = 'monthly_posts_twitter_' || CAST(:month AS text)), 0)
               AS posts
    FROM calls
)
SELECT :engine AS engine,
       own_today + CASE WHEN imported_today > counter_today THEN imported_today ELSE counter_today END AS daily_requests,
       COALESCE((SELECT CAST(value AS integer) FROM system_state WHERE key = 'bot_config_twitter_free_daily_limit'), 50) AS daily_limit,
       this_month AS monthly_requests,
       COALESCE((SELECT CAST(value AS integer) FROM system_state WHERE key = 'bot_config_twitter_free_monthly_limit'), 1500)
           AS monthly_limit,
       posts AS imported_monthly_posts
FROM counts;

-- windrow: section drafts
SELECT count(*) AS drafts, CASE WHEN count(*) < 100 THEN 'ok' WHEN count(*) < 500 THEN 'warning' ELSE 'critical' END AS health,
       min(created_at) AS oldest, max(created_at) AS newest, count(DISTINCT target_language) AS languages
FROM translations WHERE status = 'draft';
