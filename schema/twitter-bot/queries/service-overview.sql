-- Every service: its day and its month (UTC).
-- windrow: param day day = today
-- windrow: param month month = today
WITH calls AS (
    SELECT * FROM api_usage WHERE COALESCE(CAST(request_metadata ->> 'aggregate' AS text), '') NOT IN ('true', '1')
)
SELECT service, count(*) FILTER (WHERE date = :day) AS total, count(*) FILTER (WHERE date = :day AND success) AS successful,
       count(*) FILTER (WHERE date = :day AND NOT success) AS failed,
       COALESCE(round(CAST(100.0 * count(*) FILTER (WHERE date = :day AND success)
                           / NULLIF(count(*) FILTER (WHERE date = :day), 0) AS numeric), 2), 0) AS success_rate,
       round(CAST(avg(CASE WHEN date = :day THEN response_time END) AS numeric), 3) AS mean_response_time,
       count(*) FILTER (WHERE month = :month) AS this_month
FROM calls GROUP BY service ORDER BY service;
