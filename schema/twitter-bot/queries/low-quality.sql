-- Cache entries of low confidence, the lowest first.
-- windrow: param below number = 0.7
-- windrow: param limit integer = 1000
SELECT cache_key, target_language AS language, confidence_score AS confidence, original_text, translated_text
FROM translation_cache WHERE confidence_score < CAST(:below AS double precision)
ORDER BY confidence_score, cache_key LIMIT CAST(:limit AS integer);
