# tests/auto-i18n/lib.sh: what the tests of this system share. Source it after tests/lib/tap.sh.
#
#   copy_tree DIR          fixtures/tmp in a directory of its own, every time in it the same
#   import DIR [ARGS...]   schema (when it is not there yet) and load into $db, quietly; the load's status
#   rows [SENDER]          all rows as JSON, one a line, the same on both engines; bodies and contents left out
#   value SQL              one value from $db, in SQL that both engines read

stamp=2025-11-20T12:00:00Z
windrow=${WINDROW:-windrow}
mapping=$root/mappings/auto-i18n.yaml

copy_tree() {
    mkdir -p "$1" && cp -R -- "$root/fixtures/tmp/." "$1/" && find "$1" -exec touch -h -d "$stamp" {} +
}

import() {
    local tree=$1
    shift
    if [ "${schema_of:-}" != "$db" ]; then
        "$windrow" schema up auto-i18n --to "$db" --quiet >/dev/null || return 1
        schema_of=$db
    fi
    "$windrow" load "$mapping" "$tree" --to "$db" --progress none "$@" >out 2>said
}

# PostgreSQL's spelling of the few things in which the engines differ.
spelt() {
    case $db in
    sqlite:*) cat ;;
    *) sed -E 's/json_object\(/json_build_object(/g; s/json\(([a-z_.]+)\)/to_json(\1)/g
               s/time\(([a-z_.]+)\)/to_char(\1 AT TIME ZONE '\''UTC'\'', '\''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'\'')/g' ;;
    esac
}

ask() {
    case $db in
    sqlite:*) sed -E 's/time\(([a-z_.]+)\)/\1/g' | sqlite3 -readonly "${db#sqlite:}" ;;
    *) spelt | psql -X -q -A -t -v ON_ERROR_STOP=1 "$db" ;;
    esac
}

value() {
    printf '%s\n' "$1" | ask
}

rows() {
    ask <<'SQL' | if [ $# -eq 1 ]; then grep -F "\"sender\":\"$1\"" || [ $? = 1 ]; else cat; fi | jq -S -c . | sort
SELECT json_object('table', 'sessions', 'sender', s.sender_id, 'id', s.id, 'type', session_type, 'status', status,
    'owner', repository_owner, 'name', repository_name, 'base', base_branch, 'base_sha', base_commit_sha,
    'sha', commit_sha, 'message', commit_message, 'author', commit_author, 'at', time(commit_timestamp),
    'from', source_locale, 'to', json(target_locales), 'created', time(created_at), 'updated', time(updated_at),
    'expires', time(expires_at)) FROM sessions s;
SELECT json_object('table', 'translation_jobs', 'sender', s.sender_id, 'id', j.id, 'job', job_id, 'type', job_type,
    'from', j.source_locale, 'to', json(j.target_locales), 'issue', github_issue_number, 'issue_url', github_issue_url,
    'pr', github_pr_number, 'pr_url', github_pr_url, 'branch', github_branch, 'created', time(j.created_at),
    'updated', time(j.updated_at)) FROM translation_jobs j JOIN sessions s ON s.id = j.session_id;
SELECT json_object('table', 'files', 'sender', s.sender_id, 'id', f.id, 'job', j.job_id, 'type', file_type,
    'content_type', content_type, 'format', format, 'locale', locale, 'path', relative_path, 'name', file_name,
    'hash', content_hash, 'size', file_size, 'created', time(f.created_at), 'updated', time(f.updated_at),
    'metadata', json(f.metadata)) FROM files f JOIN sessions s ON s.id = f.session_id
    LEFT JOIN translation_jobs j ON j.id = f.job_id;
SELECT json_object('table', 'batches', 'sender', s.sender_id, 'id', b.id, 'batch', batch_id, 'from', b.source_locale,
    'to', json(b.target_locales), 'types', json(content_types), 'model', model, 'provider_id', openai_batch_id,
    'provider_status', openai_status, 'total', total_requests, 'completed', completed_requests,
    'failed', failed_requests, 'status', b.status, 'created', time(b.created_at), 'updated', time(b.updated_at),
    'submitted', time(submitted_at), 'done', time(completed_at), 'error', error_message)
    FROM batches b JOIN sessions s ON s.id = b.session_id;
SELECT json_object('table', 'batch_requests', 'sender', s.sender_id, 'id', r.id, 'batch', b.batch_id,
    'custom', custom_id, 'index', request_index, 'file', f.file_type || ' ' || f.content_type || ' ' || f.locale || ' ' ||
    f.relative_path, 'path', r.relative_path, 'to', target_locale, 'code', response_status, 'status', r.status,
    'error', r.error_message, 'created', time(r.created_at), 'updated', time(r.updated_at))
    FROM batch_requests r JOIN batches b ON b.id = r.batch_id JOIN sessions s ON s.id = b.session_id
    LEFT JOIN files f ON f.id = r.file_id;
SELECT json_object('table', 'translation_stats', 'sender', s.sender_id, 'id', t.id, 'uploads', uploads_count,
    'translations', translations_count, 'content', content_files, 'global', global_files, 'page', page_files,
    'from', t.source_locale, 'locales', target_locales_count, 'complete', json(completed_locales),
    'batches', batches_count, 'active', active_batches, 'done', completed_batches, 'at', time(calculated_at),
    'stats', json(stats)) FROM translation_stats t JOIN sessions s ON s.id = t.session_id;
SQL
}

# Everything that the invariants compare with the tree, as JSON, one row a line.
everything() {
    local hex
    case $db in
    sqlite:*) hex='lower(hex(content))' ;;
    *) hex="encode(convert_to(content, 'UTF8'), 'hex')" ;;
    esac
    ask <<SQL
SELECT json_object('table', 'sessions', 'id', s.id, 'sender', sender_id, 'dir', s.metadata ->> 'source_dir',
    'from', source_locale, 'type', session_type, 'metadata', json(s.metadata)) FROM sessions s;
SELECT json_object('table', 'files', 'session', f.session_id, 'type', file_type, 'content_type', content_type,
    'locale', locale, 'path', relative_path, 'hash', content_hash, 'size', file_size, 'content', $hex,
    'metadata', json(f.metadata)) FROM files f;
SELECT json_object('table', 'jobs', 'session', j.session_id, 'job', job_id) FROM translation_jobs j;
SELECT json_object('table', 'batches', 'id', b.id, 'session', b.session_id, 'batch', batch_id, 'total', total_requests,
    'completed', completed_requests, 'failed', failed_requests, 'manifest', json(manifest)) FROM batches b;
SELECT json_object('table', 'requests', 'batch', r.batch_id, 'custom', custom_id, 'index', request_index,
    'status', status, 'request', json(request_body), 'response', json(response_body)) FROM batch_requests r;
SELECT json_object('table', 'strangers', 'file', f.id) FROM files f JOIN translation_jobs j ON j.id = f.job_id
    WHERE j.session_id <> f.session_id;
SELECT json_object('table', 'strangers', 'request', r.id) FROM batch_requests r JOIN batches b ON b.id = r.batch_id
    JOIN files f ON f.id = r.file_id WHERE f.session_id <> b.session_id;
SELECT json_object('table', 'overview', 'session', o.id, 'uploads', upload_count, 'translations', translation_count,
    'batches', batch_count, 'jobs', job_count) FROM v_session_overview o;
SELECT json_object('table', 'progress', 'batch', p.id, 'total', total_requests, 'completed', completed_requests,
    'percent', progress_percentage) FROM v_batch_progress p;
SELECT json_object('table', 'matrix', 'session', m.session_id, 'locale', locale, 'type', content_type, 'n', file_count,
    'bytes', total_size) FROM v_translation_matrix m;
SQL
}
