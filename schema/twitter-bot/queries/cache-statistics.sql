-- The translation cache: entries, estimated hit rate, languages, the ten most used entries.

-- windrow: section total
WITH counts AS (
    SELECT count(*) AS entries, count(*) FILTER (WHERE expires_at IS NULL OR expires_at > :now) AS active,
           count(*) FILTER (WHERE expires_at <= :now) AS expired, COALESCE(sum(access_count), 0) AS accesses,
           COALESCE(round(CAST(100.0 * sum(access_count) / NULLIF(sum(access_count) + count(*), 0) AS numeric), 2), 0)
               AS estimated_hit_rate
    FROM translation_cache
)
SELECT counts.*, CASE WHEN estimated_hit_rate >= 70 THEN 'excellent' WHEN estimated_hit_rate >= 50 THEN 'good'
                      WHEN estimated_hit_rate >= 30 THEN 'fair' ELSE 'poor' END AS rating
FROM counts;

-- windrow: section languages
SELECT target_language AS language, count(*) AS entries, round(CAST(avg(access_count) AS numeric), 2) AS mean_accesses
FROM translation_cache GROUP BY target_language ORDER BY entries DESC, target_language;

-- windrow: section most used
SELECT cache_key, target_language AS language, access_count AS accesses, last_accessed
FROM translation_cache ORDER BY access_count DESC, cache_key LIMIT 10;
