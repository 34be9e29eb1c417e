-- Cache entries whose time is over.
--
-- An entry without an end never expires.

DELETE FROM translation_cache WHERE expires_at <= :now;
