-- Everything goes, rows included.

DROP TABLE translation_stats;
DROP TABLE batch_requests;
DROP TABLE batches;
DROP TABLE files;
DROP TABLE translation_jobs;
DROP TABLE sessions;
