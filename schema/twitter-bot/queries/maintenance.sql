-- The maintenance report: tweets, translations, languages, API usage, cache, system state.
-- windrow: param since time = now - 24 hours
-- windrow: param day day = today
-- windrow: param month month = today

-- windrow: section Report
SELECT :now AS generated, :engine AS engine;

-- windrow: section Tweet Statistics
WITH top AS (SELECT author_username, count(*) AS n FROM tweets GROUP BY author_username ORDER BY n DESC, author_username LIMIT 1)
SELECT count(*) AS total, count(*) FILTER (WHERE created_at >= :since) AS last_24_hours,
       round(CAST(avg(character_count) AS numeric), 2) AS mean_characters, (SELECT author_username FROM top) AS top_author,
       (SELECT n FROM top) AS top_author_tweets
FROM tweets;

-- windrow: section Translation Statistics
SELECT count(*) AS total, count(*) FILTER (WHERE created_at >= :since) AS last_24_hours,
       COALESCE(round(CAST(100.0 * count(*) FILTER (WHERE status = 'posted')
                           / NULLIF(count(*) FILTER (WHERE status <> 'draft'), 0) AS numeric), 2), 0) AS success_rate
FROM translations;

-- windrow: section Translation Status
SELECT status, count(*) AS translations FROM translations GROUP BY status ORDER BY status;

-- windrow: section Language Breakdown
SELECT target_language AS language, count(*) AS translations
FROM translations GROUP BY target_language ORDER BY translations DESC, target_language LIMIT 10;

-- windrow: section API Usage Overview
WITH calls AS (
    SELECT * FROM api_usage WHERE COALESCE(CAST(request_metadata ->> 'aggregate' AS text), '') NOT IN ('true', '1')
)
SELECT service, count(*) FILTER (WHERE date = :day) AS calls_today,
       COALESCE(round(CAST(100.0 * count(*) FILTER (WHERE date = :day AND success)
                           / NULLIF(count(*) FILTER (WHERE date = :day), 0) AS numeric), 2), 0) AS success_rate_today,
       count(*) FILTER (WHERE month = :month) AS calls_this_month
FROM calls GROUP BY service ORDER BY service;

-- windrow: section Cache Performance
SELECT count(*) AS entries, count(*) FILTER (WHERE expires_at IS NULL OR expires_at > :now) AS active,
       count(*) FILTER (WHERE expires_at <= :now) AS expired,
       COALESCE(round(CAST(100.0 * sum(access_count) / NULLIF(sum(access_count) + count(*), 0) AS numeric), 2), 0)
           AS estimated_hit_rate,
       COALESCE(sum(access_count), 0) AS accesses
FROM translation_cache;

-- windrow: section System State
SELECT COALESCE(state_type, 'total') AS state_type, n AS states
FROM (SELECT NULL AS state_type, count(*) AS n FROM system_state
      UNION ALL SELECT state_type, count(*) FROM system_state GROUP BY state_type) AS counts
ORDER BY state_type IS NOT NULL, state_type;
