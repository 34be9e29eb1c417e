-- Translations: totals, success rate (posted of all that are no drafts), by status, the ten most frequent languages.
-- windrow: param since time = now - 24 hours

-- windrow: section total
SELECT count(*) AS total, count(*) FILTER (WHERE created_at >= :since) AS recent,
       COALESCE(round(CAST(100.0 * count(*) FILTER (WHERE status = 'posted')
                           / NULLIF(count(*) FILTER (WHERE status <> 'draft'), 0) AS numeric), 2), 0) AS success_rate
FROM translations;

-- windrow: section status
SELECT status, count(*) AS translations FROM translations GROUP BY status ORDER BY status;

-- windrow: section languages
SELECT target_language AS language, count(*) AS translations
FROM translations GROUP BY target_language ORDER BY translations DESC, target_language LIMIT 10;
