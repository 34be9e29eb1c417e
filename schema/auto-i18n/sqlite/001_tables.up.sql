-- The six tables that replace the sender directories.
--
-- Repaired against the application's own schema:
-- * the key of files takes in content_type: global/en.json and page/en.json of one session are two files;
-- * custom_id, commit shas, branches, authors and the model are text: real values are longer than 40, 100 or 255;
-- * deleting a job leaves its files (ON DELETE SET NULL instead of CASCADE);
-- * counters and JSON columns are NOT NULL with their defaults, so that no percentage is NULL;
-- * what stands in an index key is bounded below what a btree page holds (2,500 bytes).
--
-- SQLite: lengths, UUIDs, times (ISO 8601 in UTC, microseconds), JSON and arrays (JSON text) are checked, since the
-- declared types alone check nothing. JSON only by its first and last character: a schema that is opened with
-- trusted_schema=OFF, as windrow does, may not use the functions that read JSON.

CREATE TABLE sessions (
    id UUID NOT NULL DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||
        substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (random() & 3), 1) ||
        substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
    sender_id VARCHAR(255) NOT NULL,
    session_type VARCHAR(50) NOT NULL,
    status VARCHAR(50) NOT NULL DEFAULT 'active',
    repository_owner VARCHAR(255),
    repository_name VARCHAR(255),
    base_branch TEXT,
    base_commit_sha TEXT,
    commit_sha TEXT,
    commit_message TEXT,
    commit_author TEXT,
    commit_timestamp TIMESTAMPTZ,
    source_locale VARCHAR(10) NOT NULL,
    target_locales TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    expires_at TIMESTAMPTZ,
    metadata JSON NOT NULL DEFAULT '{}',
    CONSTRAINT sessions_sender_id_check CHECK (sender_id <> ''),
    CONSTRAINT sessions_session_type_check CHECK (session_type IN ('upload', 'changes')),
    CONSTRAINT sessions_status_check CHECK (status IN ('active', 'processing', 'completed', 'failed', 'submitted')),
    CONSTRAINT sessions_source_locale_check CHECK (source_locale <> ''),
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_sender_id_key UNIQUE (sender_id),
    CONSTRAINT sessions_id_form CHECK (id GLOB '????????-????-????-????-????????????' AND id NOT GLOB '*[^0-9a-f-]*'),
    CONSTRAINT sessions_sender_id_length CHECK (length(sender_id) <= 255),
    CONSTRAINT sessions_repository_owner_length CHECK (length(repository_owner) <= 255),
    CONSTRAINT sessions_repository_name_length CHECK (length(repository_name) <= 255),
    CONSTRAINT sessions_commit_timestamp_form CHECK (commit_timestamp GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT sessions_source_locale_length CHECK (length(source_locale) <= 10),
    CONSTRAINT sessions_target_locales_form CHECK (target_locales GLOB '[[]*]'),
    CONSTRAINT sessions_created_at_form CHECK (created_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT sessions_updated_at_form CHECK (updated_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT sessions_expires_at_form CHECK (expires_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT sessions_metadata_form CHECK (typeof(metadata) = 'text' AND (metadata GLOB '{*}' OR
        metadata GLOB '[[]*]' OR metadata = 'null'))
);

CREATE TABLE translation_jobs (
    id UUID NOT NULL DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||
        substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (random() & 3), 1) ||
        substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
    session_id UUID NOT NULL,
    job_id VARCHAR(255) NOT NULL,
    job_type VARCHAR(50),
    source_locale VARCHAR(10) NOT NULL,
    target_locales TEXT,
    github_issue_number INTEGER,
    github_issue_url TEXT,
    github_pr_number INTEGER,
    github_pr_url TEXT,
    github_branch TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    CONSTRAINT translation_jobs_job_id_check CHECK (job_id <> ''),
    CONSTRAINT translation_jobs_job_type_check CHECK (job_type IN ('content', 'global', 'page')),
    CONSTRAINT translation_jobs_source_locale_check CHECK (source_locale <> ''),
    CONSTRAINT translation_jobs_github_issue_number_check CHECK (github_issue_number > 0),
    CONSTRAINT translation_jobs_github_pr_number_check CHECK (github_pr_number > 0),
    CONSTRAINT translation_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT translation_jobs_session_id_job_id_key UNIQUE (session_id, job_id),
    CONSTRAINT translation_jobs_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE,
    CONSTRAINT translation_jobs_id_form CHECK (id GLOB '????????-????-????-????-????????????' AND
        id NOT GLOB '*[^0-9a-f-]*'),
    CONSTRAINT translation_jobs_job_id_length CHECK (length(job_id) <= 255),
    CONSTRAINT translation_jobs_source_locale_length CHECK (length(source_locale) <= 10),
    CONSTRAINT translation_jobs_target_locales_form CHECK (target_locales GLOB '[[]*]'),
    CONSTRAINT translation_jobs_github_issue_number_form CHECK (github_issue_number IS NULL OR
        typeof(github_issue_number) = 'integer'),
    CONSTRAINT translation_jobs_github_pr_number_form CHECK (github_pr_number IS NULL OR
        typeof(github_pr_number) = 'integer'),
    CONSTRAINT translation_jobs_created_at_form CHECK (created_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT translation_jobs_updated_at_form CHECK (updated_at GLOB '????-??-??T??:??:??.*Z')
);

CREATE TABLE files (
    id UUID NOT NULL DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||
        substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (random() & 3), 1) ||
        substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
    session_id UUID NOT NULL,
    job_id UUID,
    file_type VARCHAR(50) NOT NULL,
    content_type VARCHAR(50) NOT NULL,
    format VARCHAR(20) NOT NULL,
    locale VARCHAR(10) NOT NULL,
    relative_path TEXT NOT NULL,
    file_name VARCHAR(255) NOT NULL,
    content TEXT NOT NULL,
    content_hash VARCHAR(64),
    file_size INTEGER,
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    metadata JSON NOT NULL DEFAULT '{}',
    CONSTRAINT files_file_type_check CHECK (file_type IN ('upload', 'translation', 'delta', 'original')),
    CONSTRAINT files_content_type_check CHECK (content_type IN ('content', 'global', 'page')),
    CONSTRAINT files_format_check CHECK (format IN ('markdown', 'json')),
    CONSTRAINT files_locale_check CHECK (locale <> ''),
    CONSTRAINT files_relative_path_check CHECK (length(CAST(relative_path AS BLOB)) BETWEEN 1 AND 2500),
    CONSTRAINT files_file_name_check CHECK (file_name <> ''),
    CONSTRAINT files_content_hash_check CHECK (length(content_hash) = 64 AND content_hash NOT GLOB '*[^0-9a-f]*'),
    CONSTRAINT files_file_size_check CHECK (file_size >= 0),
    CONSTRAINT files_pkey PRIMARY KEY (id),
    CONSTRAINT files_place_key UNIQUE (session_id, file_type, content_type, locale, relative_path),
    CONSTRAINT files_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE,
    CONSTRAINT files_job_id_fkey FOREIGN KEY (job_id) REFERENCES translation_jobs (id) ON DELETE SET NULL,
    CONSTRAINT files_id_form CHECK (id GLOB '????????-????-????-????-????????????' AND id NOT GLOB '*[^0-9a-f-]*'),
    CONSTRAINT files_locale_length CHECK (length(locale) <= 10),
    CONSTRAINT files_file_name_length CHECK (length(file_name) <= 255),
    CONSTRAINT files_content_hash_length CHECK (length(content_hash) <= 64),
    CONSTRAINT files_file_size_form CHECK (file_size IS NULL OR typeof(file_size) = 'integer'),
    CONSTRAINT files_created_at_form CHECK (created_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT files_updated_at_form CHECK (updated_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT files_metadata_form CHECK (typeof(metadata) = 'text' AND (metadata GLOB '{*}' OR
        metadata GLOB '[[]*]' OR metadata = 'null'))
);

CREATE TABLE batches (
    id UUID NOT NULL DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||
        substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (random() & 3), 1) ||
        substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
    batch_id VARCHAR(255) NOT NULL,
    session_id UUID NOT NULL,
    source_locale VARCHAR(10) NOT NULL,
    target_locales TEXT,
    content_types TEXT,
    model TEXT NOT NULL,
    openai_batch_id VARCHAR(255),
    openai_status VARCHAR(50),
    total_requests INTEGER NOT NULL DEFAULT 0,
    completed_requests INTEGER NOT NULL DEFAULT 0,
    failed_requests INTEGER NOT NULL DEFAULT 0,
    status VARCHAR(50) NOT NULL DEFAULT 'created',
    created_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    submitted_at TIMESTAMPTZ,
    completed_at TIMESTAMPTZ,
    error_message TEXT,
    manifest JSON NOT NULL,
    CONSTRAINT batches_batch_id_check CHECK (batch_id <> ''),
    CONSTRAINT batches_source_locale_check CHECK (source_locale <> ''),
    CONSTRAINT batches_model_check CHECK (model <> ''),
    CONSTRAINT batches_total_requests_check CHECK (total_requests >= 0),
    CONSTRAINT batches_completed_requests_check CHECK (completed_requests >= 0),
    CONSTRAINT batches_failed_requests_check CHECK (failed_requests >= 0),
    CONSTRAINT batches_status_check
        CHECK (status IN ('created', 'submitted', 'processing', 'completed', 'failed', 'cancelled')),
    CONSTRAINT batches_pkey PRIMARY KEY (id),
    CONSTRAINT batches_batch_id_key UNIQUE (batch_id),
    CONSTRAINT batches_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE,
    CONSTRAINT batches_id_form CHECK (id GLOB '????????-????-????-????-????????????' AND id NOT GLOB '*[^0-9a-f-]*'),
    CONSTRAINT batches_batch_id_length CHECK (length(batch_id) <= 255),
    CONSTRAINT batches_source_locale_length CHECK (length(source_locale) <= 10),
    CONSTRAINT batches_target_locales_form CHECK (target_locales GLOB '[[]*]'),
    CONSTRAINT batches_content_types_form CHECK (content_types GLOB '[[]*]'),
    CONSTRAINT batches_openai_batch_id_length CHECK (length(openai_batch_id) <= 255),
    CONSTRAINT batches_openai_status_length CHECK (length(openai_status) <= 50),
    CONSTRAINT batches_total_requests_form CHECK (typeof(total_requests) = 'integer'),
    CONSTRAINT batches_completed_requests_form CHECK (typeof(completed_requests) = 'integer'),
    CONSTRAINT batches_failed_requests_form CHECK (typeof(failed_requests) = 'integer'),
    CONSTRAINT batches_created_at_form CHECK (created_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT batches_updated_at_form CHECK (updated_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT batches_submitted_at_form CHECK (submitted_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT batches_completed_at_form CHECK (completed_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT batches_manifest_form CHECK (typeof(manifest) = 'text' AND (manifest GLOB '{*}' OR
        manifest GLOB '[[]*]' OR manifest = 'null'))
);

CREATE TABLE batch_requests (
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
    CONSTRAINT batch_requests_custom_id_check CHECK (length(CAST(custom_id AS BLOB)) BETWEEN 1 AND 2500),
    CONSTRAINT batch_requests_request_index_check CHECK (request_index >= 0),
    CONSTRAINT batch_requests_target_locale_check CHECK (target_locale <> ''),
    CONSTRAINT batch_requests_status_check CHECK (status IN ('pending', 'completed', 'failed')),
    CONSTRAINT batch_requests_pkey PRIMARY KEY (id),
    CONSTRAINT batch_requests_batch_id_custom_id_key UNIQUE (batch_id, custom_id),
    CONSTRAINT batch_requests_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES batches (id) ON DELETE CASCADE,
    CONSTRAINT batch_requests_file_id_fkey FOREIGN KEY (file_id) REFERENCES files (id) ON DELETE SET NULL,
    CONSTRAINT batch_requests_id_form CHECK (id GLOB '????????-????-????-????-????????????' AND
        id NOT GLOB '*[^0-9a-f-]*'),
    CONSTRAINT batch_requests_request_index_form CHECK (typeof(request_index) = 'integer'),
    CONSTRAINT batch_requests_target_locale_length CHECK (length(target_locale) <= 10),
    CONSTRAINT batch_requests_request_body_form CHECK (typeof(request_body) = 'text' AND
        (request_body GLOB '{*}' OR request_body GLOB '[[]*]' OR request_body = 'null')),
    CONSTRAINT batch_requests_response_body_form CHECK (response_body IS NULL OR
        (typeof(response_body) = 'text' AND (response_body GLOB '{*}' OR response_body GLOB '[[]*]' OR
        response_body = 'null'))),
    CONSTRAINT batch_requests_response_status_form CHECK (response_status IS NULL OR
        typeof(response_status) = 'integer'),
    CONSTRAINT batch_requests_created_at_form CHECK (created_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT batch_requests_updated_at_form CHECK (updated_at GLOB '????-??-??T??:??:??.*Z')
);

CREATE TABLE translation_stats (
    id UUID NOT NULL DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' ||
        substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (random() & 3), 1) ||
        substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
    session_id UUID NOT NULL,
    uploads_count INTEGER NOT NULL DEFAULT 0,
    translations_count INTEGER NOT NULL DEFAULT 0,
    content_files INTEGER NOT NULL DEFAULT 0,
    global_files INTEGER NOT NULL DEFAULT 0,
    page_files INTEGER NOT NULL DEFAULT 0,
    source_locale VARCHAR(10),
    target_locales_count INTEGER NOT NULL DEFAULT 0,
    completed_locales TEXT,
    batches_count INTEGER NOT NULL DEFAULT 0,
    active_batches INTEGER NOT NULL DEFAULT 0,
    completed_batches INTEGER NOT NULL DEFAULT 0,
    calculated_at TIMESTAMPTZ NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'),
    stats JSON NOT NULL DEFAULT '{}',
    CONSTRAINT translation_stats_uploads_count_check CHECK (uploads_count >= 0),
    CONSTRAINT translation_stats_translations_count_check CHECK (translations_count >= 0),
    CONSTRAINT translation_stats_content_files_check CHECK (content_files >= 0),
    CONSTRAINT translation_stats_global_files_check CHECK (global_files >= 0),
    CONSTRAINT translation_stats_page_files_check CHECK (page_files >= 0),
    CONSTRAINT translation_stats_target_locales_count_check CHECK (target_locales_count >= 0),
    CONSTRAINT translation_stats_batches_count_check CHECK (batches_count >= 0),
    CONSTRAINT translation_stats_active_batches_check CHECK (active_batches >= 0),
    CONSTRAINT translation_stats_completed_batches_check CHECK (completed_batches >= 0),
    CONSTRAINT translation_stats_pkey PRIMARY KEY (id),
    CONSTRAINT translation_stats_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE,
    CONSTRAINT translation_stats_id_form CHECK (id GLOB '????????-????-????-????-????????????' AND
        id NOT GLOB '*[^0-9a-f-]*'),
    CONSTRAINT translation_stats_uploads_count_form CHECK (typeof(uploads_count) = 'integer'),
    CONSTRAINT translation_stats_translations_count_form CHECK (typeof(translations_count) = 'integer'),
    CONSTRAINT translation_stats_content_files_form CHECK (typeof(content_files) = 'integer'),
    CONSTRAINT translation_stats_global_files_form CHECK (typeof(global_files) = 'integer'),
    CONSTRAINT translation_stats_page_files_form CHECK (typeof(page_files) = 'integer'),
    CONSTRAINT translation_stats_source_locale_length CHECK (length(source_locale) <= 10),
    CONSTRAINT translation_stats_target_locales_count_form CHECK (typeof(target_locales_count) = 'integer'),
    CONSTRAINT translation_stats_completed_locales_form CHECK (completed_locales GLOB '[[]*]'),
    CONSTRAINT translation_stats_batches_count_form CHECK (typeof(batches_count) = 'integer'),
    CONSTRAINT translation_stats_active_batches_form CHECK (typeof(active_batches) = 'integer'),
    CONSTRAINT translation_stats_completed_batches_form CHECK (typeof(completed_batches) = 'integer'),
    CONSTRAINT translation_stats_calculated_at_form CHECK (calculated_at GLOB '????-??-??T??:??:??.*Z'),
    CONSTRAINT translation_stats_stats_form CHECK (typeof(stats) = 'text' AND (stats GLOB '{*}' OR
        stats GLOB '[[]*]' OR stats = 'null'))
);
