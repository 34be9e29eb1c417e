-- Failed calls of one service, by default of the last 7 days: by endpoint, by status code, the ten most frequent messages.
-- windrow: param service = twitter -- twitter or gemini
-- windrow: param since time = now - 7 days

-- windrow: section total
SELECT count(*) AS failed FROM api_usage WHERE service = :service AND timestamp >= :since AND NOT success;

-- windrow: section endpoints
SELECT endpoint, count(*) AS failed
FROM api_usage WHERE service = :service AND timestamp >= :since AND NOT success
GROUP BY endpoint ORDER BY failed DESC, endpoint;

-- windrow: section status codes
SELECT COALESCE(CAST(status_code AS text), 'unknown') AS status_code, count(*) AS failed
FROM api_usage WHERE service = :service AND timestamp >= :since AND NOT success
GROUP BY 1 ORDER BY failed DESC, 1;

-- windrow: section messages
SELECT error_info ->> 'message' AS message, count(*) AS failed
FROM api_usage WHERE service = :service AND timestamp >= :since AND NOT success AND error_info ->> 'message' IS NOT NULL
GROUP BY 1 ORDER BY failed DESC, 1 LIMIT 10;
