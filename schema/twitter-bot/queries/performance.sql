-- Response times of one service, by default of the last 30 days: extremes, mean, median, percentiles; calls by hour (UTC).
--
-- The percentile p of n sorted values is the one at index floor(n * p / 100), from 0; so the median of two is the larger.
-- This is the rule of the bot, not that of percentile_cont() or percentile_disc().
-- windrow: param service = twitter -- twitter or gemini
-- windrow: param since time = now - 30 days

-- windrow: section response times
WITH sorted AS (
    SELECT response_time AS t, row_number() OVER (ORDER BY response_time) - 1 AS i, count(*) OVER () AS n
    FROM api_usage WHERE service = :service AND timestamp >= :since AND response_time IS NOT NULL
)
SELECT count(*) AS calls, min(t) AS min, max(t) AS max, round(CAST(avg(t) AS numeric), 3) AS mean,
       max(CASE WHEN i = n * 50 / 100 THEN t END) AS median, max(CASE WHEN i = n * 95 / 100 THEN t END) AS p95,
       max(CASE WHEN i = n * 99 / 100 THEN t END) AS p99
FROM sorted;

-- windrow: section hours
WITH RECURSIVE hours(hour) AS (SELECT 0 UNION ALL SELECT hour + 1 FROM hours WHERE hour < 23)
SELECT hour, (SELECT count(*) FROM api_usage
              WHERE service = :service AND timestamp >= :since AND CAST(substr(CAST(timestamp AS text), 12, 2) AS integer) = hour
                AND COALESCE(CAST(request_metadata ->> 'aggregate' AS text), '') NOT IN ('true', '1')) AS calls
FROM hours ORDER BY hour;
