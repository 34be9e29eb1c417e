-- One service on one day (UTC): calls, successes, response times, calls of each endpoint.
--
-- Aggregates (usage_rows=true) stand for calls that are not known one by one; they count nowhere.
-- windrow: param service = twitter -- twitter or gemini
-- windrow: param day day = today

-- windrow: section total
WITH calls AS (
    SELECT * FROM api_usage
    WHERE service = :service AND date = :day AND COALESCE(CAST(request_metadata ->> 'aggregate' AS text), '') NOT IN ('true', '1')
)
SELECT count(*) AS total, count(*) FILTER (WHERE success) AS successful, count(*) FILTER (WHERE NOT success) AS failed,
       COALESCE(round(CAST(100.0 * count(*) FILTER (WHERE success) / NULLIF(count(*), 0) AS numeric), 2), 0) AS success_rate,
       round(CAST(avg(response_time) AS numeric), 3) AS mean_response_time
FROM calls;

-- windrow: section endpoints
SELECT endpoint, count(*) AS calls
FROM api_usage
WHERE service = :service AND date = :day AND COALESCE(CAST(request_metadata ->> 'aggregate' AS text), '') NOT IN ('true', '1')
GROUP BY endpoint ORDER BY calls DESC, endpoint;
