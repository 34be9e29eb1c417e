-- Retention: expired sessions go with all that hangs on them; the requests of batches that were completed a week ago
-- move to an archive, their manifests stay, since the statistics need them.

CREATE TABLE batch_requests_archive (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    batch_id uuid NOT NULL,
    custom_id text NOT NULL,
    request_index integer NOT NULL,
    file_id uuid,
    relative_path text NOT NULL,
    target_locale varchar(10) NOT NULL,
    request_body jsonb NOT NULL,
    response_body jsonb,
    response_status integer,
    status varchar(50) NOT NULL DEFAULT 'pending',
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT batch_requests_archive_custom_id_check CHECK (octet_length(custom_id) BETWEEN 1 AND 2500),
    CONSTRAINT batch_requests_archive_request_index_check CHECK (request_index >= 0),
    CONSTRAINT batch_requests_archive_target_locale_check CHECK (target_locale <> ''),
    CONSTRAINT batch_requests_archive_status_check CHECK (status IN ('pending', 'completed', 'failed')),
    CONSTRAINT batch_requests_archive_pkey PRIMARY KEY (id),
    CONSTRAINT batch_requests_archive_batch_id_custom_id_key UNIQUE (batch_id, custom_id),
    CONSTRAINT batch_requests_archive_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES batches (id) ON DELETE CASCADE,
    CONSTRAINT batch_requests_archive_file_id_fkey FOREIGN KEY (file_id) REFERENCES files (id) ON DELETE SET NULL
);

CREATE INDEX idx_batch_requests_archive_file_id ON batch_requests_archive (file_id) WHERE file_id IS NOT NULL;

-- Deletes what has expired and says how many sessions that were.
CREATE FUNCTION cleanup_expired_sessions() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    deleted integer;
BEGIN
    DELETE FROM sessions WHERE expires_at < now();
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END
$$;

-- Moves the requests of batches that were completed longer ago than `age`; says how many. Repeatable: a request is in
-- one of the two tables, never in both, never in none.
CREATE FUNCTION archive_completed_batches(age interval DEFAULT '7 days') RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    moved integer;
BEGIN
    WITH gone AS (
        DELETE FROM batch_requests r USING batches b
        WHERE b.id = r.batch_id AND b.status = 'completed' AND b.completed_at < now() - age
        RETURNING r.*
    )
    INSERT INTO batch_requests_archive (
        id, batch_id, custom_id, request_index, file_id, relative_path, target_locale, request_body, response_body,
        response_status, status, error_message, created_at, updated_at)
    SELECT
        id, batch_id, custom_id, request_index, file_id, relative_path, target_locale, request_body, response_body,
        response_status, status, error_message, created_at, updated_at
    FROM gone;
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END
$$;

-- All requests, wherever they are.
CREATE VIEW v_all_batch_requests AS
SELECT
    id, batch_id, custom_id, request_index, file_id, relative_path, target_locale, request_body, response_body,
    response_status, status, error_message, created_at, updated_at, false AS archived
FROM batch_requests
UNION ALL
SELECT
    id, batch_id, custom_id, request_index, file_id, relative_path, target_locale, request_body, response_body,
    response_status, status, error_message, created_at, updated_at, true
FROM batch_requests_archive;
