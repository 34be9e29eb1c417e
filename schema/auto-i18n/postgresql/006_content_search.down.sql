-- windrow: no-transaction
--
-- Without full-text search.

DROP INDEX CONCURRENTLY idx_files_content_search;
DROP FUNCTION content_search_vector(text);
