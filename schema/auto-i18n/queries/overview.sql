-- The dashboard's totals: sessions, files, batches, requests.
-- windrow: section sessions
SELECT session_type AS type, status, count(*) AS sessions FROM sessions GROUP BY session_type, status ORDER BY session_type, status;

-- windrow: section files
SELECT file_type AS type, content_type AS content, count(*) AS files, count(DISTINCT locale) AS locales, sum(file_size) AS bytes
FROM files GROUP BY file_type, content_type ORDER BY file_type, content_type;

-- windrow: section batches
SELECT status, count(*) AS batches, sum(total_requests) AS requests, sum(completed_requests) AS completed,
       sum(failed_requests) AS failed
FROM batches GROUP BY status ORDER BY status;
