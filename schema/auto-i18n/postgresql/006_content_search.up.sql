-- windrow: no-transaction
--
-- Full-text search over the content of files; made last, after a load, and without stopping writers.
--
-- Repaired: the original index refuses the row when a text has more distinct words than a tsvector holds (about 1 MB),
-- so one large file stops an import. Here such a text is stored and not found by search. Ask with the same function:
--     SELECT ... FROM files WHERE content_search_vector(content) @@ websearch_to_tsquery('english', '...');

CREATE FUNCTION content_search_vector(content text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE AS $$
BEGIN
    RETURN pg_catalog.to_tsvector('pg_catalog.english', content);
EXCEPTION
    WHEN program_limit_exceeded THEN
        RETURN NULL;
END
$$;

CREATE INDEX CONCURRENTLY idx_files_content_search ON files USING gin (content_search_vector(content));
