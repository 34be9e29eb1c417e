-- Drafts that wait: how many, whether that is too many, the age of the oldest and of the newest in hours, their languages.

-- windrow: section drafts
SELECT count(*) AS drafts, CASE WHEN count(*) < 100 THEN 'ok' WHEN count(*) < 500 THEN 'warning' ELSE 'critical' END AS health,
       round((julianday(:now) - julianday(min(created_at))) * 24, 2) AS oldest_hours,
       round((julianday(:now) - julianday(max(created_at))) * 24, 2) AS newest_hours
FROM translations WHERE status = 'draft';

-- windrow: section languages
SELECT target_language AS language, count(*) AS drafts
FROM translations WHERE status = 'draft' GROUP BY target_language ORDER BY drafts DESC, target_language;
