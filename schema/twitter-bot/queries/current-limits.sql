-- Calls of one service today and this month (UTC), as rows of api_usage.
-- windrow: param service = twitter -- twitter or gemini
-- windrow: param day day = today
-- windrow: param month month = today
SELECT count(*) FILTER (WHERE date = :day) AS today, count(*) FILTER (WHERE month = :month) AS this_month
FROM api_usage
WHERE service = :service AND COALESCE(CAST(request_metadata ->> 'aggregate' AS text), '') NOT IN ('true', '1');
