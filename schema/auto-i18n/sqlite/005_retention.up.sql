-- Retention: expired sessions go with all that hangs on them; the requests of batches that were completed a week ago
-- move to an archive, their manifests stay, since the statistics need them.
--
-- SQLite has no functions of its own. What PostgreSQL does in cleanup_expired_sessions() is here
--     DELETE FROM sessions WHERE id IN (SELECT id FROM v_expired_sessions);
-- and archive_completed_batches() is
--     INSERT INTO batch_requests_archive (...)
--         SELECT ... FROM batch_requests WHERE id IN (SELECT id FROM v_archivable_requests);
--     DELETE FROM batch_requests WHERE id IN (SELECT id FROM batch_requests_archive);
-- in one transaction.

CREATE TABLE batch_requests_archive (
    id UUID NOT NULL DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||
        substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (random() & 3), 1) ||
        substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
    batch_id UUID NOT NULL,
    custom_id TEXT NOT NULL,
    request_index INTEGER NOT NULL,
    file_id UUID,
    relative_path TEXT NOT NULL,
    target_locale VARCHAR(10) NOT NULL,
    request_body JSON NOT NULL,
    response_body JSON,
    response_status INTEGER,
    status VARCHAR(50) NOT NULL DEFAULT 'pending',
    error_message TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    archived_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    CONSTRAINT batch_requests_archive_custom_id_check CHECK (length(CAST(custom_id AS BLOB)) BETWEEN 1 AND 2500),
    CONSTRAINT batch_requests_archive_request_index_check CHECK (request_index >= 0),
    CONSTRAINT batch_requests_archive_target_locale_check CHECK (target_locale <> ''),
    CONSTRAINT batch_requests_archive_status_check CHECK (status IN ('pending', 'completed', 'failed')),
    CONSTRAINT batch_requests_archive_pkey PRIMARY KEY (id),
    CONSTRAINT batch_requests_archive_batch_id_custom_id_key UNIQUE (batch_id, custom_id),
    CONSTRAINT batch_requests_archive_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES batches (id) ON DELETE CASCADE,
    CONSTRAINT batch_requests_archive_file_id_fkey FOREIGN KEY (file_id) REFERENCES files (id) ON DELETE SET NULL,
    CONSTRAINT batch_requests_archive_id_form CHECK (id GLOB '????????-????-????-????-????????????' AND
        id NOT GLOB '*[^0-9a-f-]*'),
    CONSTRAINT batch_requests_archive_request_index_form CHECK (typeof(request_index) = 'integer'),
    CONSTRAINT batch_requests_archive_target_locale_length CHECK (length(target_locale) <= 10),
    CONSTRAINT batch_requests_archive_request_body_form CHECK (typeof(request_body) = 'text' AND
        (request_body GLOB '{*}' OR request_body GLOB '[[]*]' OR request_body = 'null')),
    CONSTRAINT batch_requests_archive_response_body_form CHECK (response_body IS NULL OR
        (typeof(response_body) = 'text' AND (response_body GLOB '{*}' OR response_body GLOB '[[]*]' OR
        response_body = 'null'))),
    CONSTRAINT batch_requests_archive_response_status_form CHECK (response_status IS NULL OR
        typeof(response_status) = 'integer'),
    CONSTRAINT batch_requests_archive_created_at_form CHECK (created_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT batch_requests_archive_updated_at_form CHECK (updated_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT batch_requests_archive_archived_at_form CHECK (archived_at GLOB '????-??-??T??:??:??.*Z')
);

CREATE INDEX idx_batch_requests_archive_file_id ON batch_requests_archive (file_id) WHERE file_id IS NOT NULL;

CREATE VIEW v_expired_sessions AS
SELECT id, sender_id, expires_at FROM sessions WHERE expires_at < strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z';

CREATE VIEW v_archivable_requests AS
SELECT r.id, r.batch_id, r.custom_id
FROM batch_requests r JOIN batches b ON b.id = r.batch_id
WHERE b.status = 'completed' AND b.completed_at < strftime('%Y-%m-%dT%H:%M:%f', 'now', '-7 days') || '000Z';

-- All requests, wherever they are.
CREATE VIEW v_all_batch_requests AS
SELECT
    id, batch_id, custom_id, request_index, file_id, relative_path, target_locale, request_body, response_body,
    response_status, status, error_message, created_at, updated_at, 0 AS archived
FROM batch_requests
UNION ALL
SELECT
    id, batch_id, custom_id, request_index, file_id, relative_path, target_locale, request_body, response_body,
    response_status, status, error_message, created_at, updated_at, 1
FROM batch_requests_archive;
