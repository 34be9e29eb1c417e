-- The cache by language: entries, characters of both texts, mean accesses.
SELECT target_language AS language, count(*) AS entries, sum(length(original_text) + length(translated_text)) AS characters,
       round(CAST(avg(access_count) AS numeric), 2) AS mean_accesses
FROM translation_cache GROUP BY target_language ORDER BY characters DESC, target_language;
