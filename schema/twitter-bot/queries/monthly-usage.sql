-- One service in one month (UTC): all calls, then day by day.
-- windrow: param service = twitter -- twitter or gemini
-- windrow: param month month = today

-- windrow: section total
SELECT count(*) AS total
FROM api_usage
WHERE service = :service AND month = :month AND COALESCE(CAST(request_metadata ->> 'aggregate' AS text), '') NOT IN ('true', '1');

-- windrow: section days
SELECT date AS day, count(*) AS calls, count(*) FILTER (WHERE success) AS successful,
       round(CAST(100.0 * count(*) FILTER (WHERE success) / count(*) AS numeric), 2) AS success_rate,
       round(CAST(avg(response_time) AS numeric), 3) AS mean_response_time
FROM api_usage
WHERE service = :service AND month = :month AND COALESCE(CAST(request_metadata ->> 'aggregate' AS text), '') NOT IN ('true', '1')
GROUP BY date ORDER BY date;
