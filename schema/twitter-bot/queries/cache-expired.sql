-- Cache entries whose time is over, the longest expired first. Those without a time never expire.
-- windrow: param limit integer = 1000
SELECT cache_key, target_language AS language, expires_at, access_count AS accesses
FROM translation_cache WHERE expires_at <= :now ORDER BY expires_at, cache_key LIMIT CAST(:limit AS integer);
