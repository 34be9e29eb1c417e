-- Everything goes, rows included.

DROP TABLE system_state;
DROP TABLE translation_cache;
DROP TABLE users;
DROP TABLE api_usage;
DROP TABLE translations;
DROP TABLE tweets;
