# tests/bench/report.sh: what was measured, as Markdown. Sourced by scripts/bench.

# A file is median, min and max; ratios are those of one round.
awk_functions='
    function sort(a, n,    i, k, t) {
        for (i = 2; i <= n; i++)
            for (k = i; k > 1 && a[k - 1] > a[k]; k--) { t = a[k]; a[k] = a[k - 1]; a[k - 1] = t }
    }
    function median(a, n) { sort(a, n); return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }'

# A table of all sides of a case.
table() { # CASE
    local dir=$results/$1 side reference
    [ -e "$dir/sides" ] || return 0
    reference=$(head -n 1 "$dir/sides")
    printf '\n### %s\n\n' "$(cat "$dir/title")"
    echo '| | wall s | CPU s | of it the server | peak MiB | ratio of wall (min to max) | ratio of CPU |'
    echo '|---|---:|---:|---:|---:|---:|---:|'
    while read -r side; do
        if [ -e "$dir/$side.failed" ]; then
            printf '| %s | %s | | | | | |\n' "$(cat "$dir/$side.name")" "$(tr '|' '/' <"$dir/$side.failed")"
        elif [ -s "$dir/$side" ] && [ -s "$dir/$reference" ]; then
            awk -v name="$(cat "$dir/$side.name")" "$awk_functions"'
                FNR == NR { reference[FNR] = $1; rcpu[FNR] = $2 + $5; next }
                { wall[FNR] = $1; cpu[FNR] = $2 + $5; server[FNR] = $5 + 0; peak = $3 > peak ? $3 : peak; n = FNR }
                reference[FNR] { m++; r[m] = $1 / reference[FNR]; c[m] = rcpu[FNR] ? cpu[FNR] / rcpu[FNR] : 0 }
                END {
                    w = median(wall, n); u = median(cpu, n); v = median(server, n); k = median(r, m)
                    printf "| %s | %.2f | %.2f | %s | %.0f | %.2f (%.2f to %.2f) | %.2f |\n", name, w, u,
                        (v > 0.005 ? sprintf("%.2f", v) : ""), peak, k, r[1], r[m], median(c, m)
                }' "$dir/$reference" "$dir/$side"
        fi
    done <"$dir/sides"
}

# goal CASE SIDE REFERENCE LIMIT WHAT: the ratio of wall time, and the CPU beside it.
goal() {
    local dir=$results/$1
    if [ ! -s "$dir/$2" ] || [ ! -s "$dir/$3" ]; then
        printf '| %s | ≤ %s | not measured | |\n' "$5" "$4"
        return
    fi
    awk -v what="$5" -v limit="$4" "$awk_functions"'
        FNR == NR { reference[FNR] = $1; rcpu[FNR] = $2 + $5; next }
        reference[FNR] { m++; r[m] = $1 / reference[FNR]; c[m] = rcpu[FNR] ? ($2 + $5) / rcpu[FNR] : 0 }
        END {
            k = median(r, m)
            verdict = k <= limit ? "met" : sprintf("missed by %.0f %%", (k / limit - 1) * 100)
            printf "| %s | ≤ %s | %.2f (%.2f to %.2f); CPU %.2f | %s |\n", what, limit, k, r[1], r[m], median(c, m), verdict
        }' "$dir/$3" "$dir/$2"
}

goal_of_number() { # WHAT LIMIT UNIT VALUE
    awk -v what="$1" -v limit="$2" -v unit="$3" -v value="$4" 'BEGIN {
        if (value == "") { printf "| %s | ≤ %s%s | not measured | |\n", what, limit, unit; exit }
        printf "| %s | ≤ %s%s | %s%s | %s |\n", what, limit, unit, value, unit,
            value + 0 <= limit ? "met" : sprintf("missed by %.0f %%", (value / limit - 1) * 100) }'
}

most_memory() {
    [ ! -e "$results/memory/order" ] || cat "$(head -n 1 "$results/memory/order")" $(cat "$results/memory/order") |
        awk -F '|' '$1 !~ /--memory/ && $2 > most { most = $2 } END { if (most) printf "%.0f", most }'
}

# The largest distance of the summary's peak from the measured one, in percent.
peak_claimed_wrong() {
    [ ! -e "$results/memory/order" ] || cat $(cat "$results/memory/order") |
        awk -F '|' '{ off = $5 == "" ? 100 : ($5 / $2 - 1) * 100; off = off < 0 ? -off : off; most = off > most ? off : most } END { printf "%.1f", most }'
}

# growth_ratio COLUMN: the largest of all kinds and both steps; the three sizes stand from this column on.
growth_ratio() {
    [ ! -e "$results/growth/all" ] || awk -F '|' -v c="$1" '
        { r = $c > 0 ? $(c + 1) / $c : 0; s = $(c + 1) > 0 ? $(c + 2) / $(c + 1) : 0; r = r > s ? r : s; most = r > most ? r : most }
        END { printf "%.2f", most }' "$results/growth/all"
}

growth_line() {
    [ ! -e "$results/growth/all" ] || awk -F '|' '$8 != "" && $8 + 0 >= most { most = $8 } END { print most }' "$results/growth/all"
}

goals() {
    printf '\n## Where the goals stand\n\n'
    echo 'Ratios of wall time: median, and the lowest and highest of one round; the ratio of CPU time, client and server, beside it.'
    echo
    if [ "$scale" -lt 100 ]; then
        echo "**Of $scale % of the rows only**: starting programs and opening connections weigh more here, and the verdicts say little."
        echo
    fi
    echo '| | goal | measured | |'
    echo '|---|---|---|---|'
    goal narrow narrow_windrow2 narrow_text 0.65 'narrow into PostgreSQL, `--jobs 2`, to `\copy` of ready text'
    goal narrow narrow_windrow1 narrow_text 0.90 'the same, `--jobs 1`'
    goal wide wide_windrow2 wide_text 0.65 'wide into PostgreSQL, `--jobs 2`, to `\copy` of ready text'
    goal wide wide_windrow1 wide_text 0.90 'the same, `--jobs 1`'
    goal sqlite sqlite_windrow1 sqlite_import 0.9 'narrow into SQLite, `--jobs 1`, to `.import` of ready CSV'
    goal sqlite sqlite_windrow2 sqlite_import 0.9 'the same, `--jobs 2`'
    goal check_narrow check_narrow duckdb_narrow 0.4 'narrow, `check --level types`, one job, to DuckDB on one thread'
    goal check_wide check_wide duckdb_wide 0.4 'wide, the same'
    goal small small_check1 small_cat 2 'small files, `check --level types`, one job, to `cat`'
    goal small small_check2 small_cat 2 'the same, two jobs'
    goal again again_sqlite again_find 1.5 'small files unchanged, `load` again, SQLite, to `find`'
    goal again again_postgres again_find 1.5 'the same, PostgreSQL'
    goal rejects_postgres dirty_postgres clean_postgres 1.25 '1 % of the lines refused, PostgreSQL, to the clean load (0.8 of its speed)'
    goal rejects_sqlite dirty_sqlite clean_sqlite 1.25 'the same, SQLite'
    goal ledger_postgres keyed_postgres plain_postgres 1.08 'keys in the ledger, PostgreSQL, to the load without them'
    goal ledger_sqlite keyed_sqlite plain_sqlite 1.08 'the same, SQLite'
    goal_of_number 'peak memory in all cases below without --memory' 256 ' MiB' "$(most_memory)"
    goal_of_number 'the peak that the summary tells, off the measured one by at most' 10 ' %' "$(peak_claimed_wrong)"
    goal_of_number '8 times the rows: so many times the wall time, at most' 8.4 '' "$(growth_ratio 2)"
    goal_of_number '8 times the rows: so many times the CPU time, at most' 8.4 '' "$(growth_ratio 5)"
    goal_of_number 'fixture reset of the sample tree on PostgreSQL, median of the resets' 60 ' ms' "$(fixture_median)"
    goal_of_number 'checkpoints of the longest load off a straight line' 5 ' %' "$(growth_line)"
}

fixture_median() {
    [ ! -s "$results/fixture/ms" ] || awk "$awk_functions"'{ ms[NR] = $1 } END { printf "%.0f", median(ms, NR) }' "$results/fixture/ms"
}

fixture_text() {
    [ -s "$results/fixture/ms" ] || return 0
    printf '\n### Fixture reset: auto-i18n with `fixtures/tmp`, a copy replaced %s times\n\n' "$(wc -l <"$results/fixture/ms")"
    sort -n "$results/fixture/ms" | awk -v median="$(fixture_median)" '{ ms[NR] = $1 }
        END { printf "Median %s ms, %.0f to %.0f ms, start of the program and connection included.\n", median, ms[1], ms[NR] }'
}

growth_table() {
    [ -s "$results/growth/all" ] || return 0
    printf '\n### Growth: 1, 8 and 64 times %s narrow rows, best of %s\n\n' "$(cat "$results/growth/rows")" "$rounds"
    echo '| | wall s: 1, 8, 64 times | 8 to 1 | 64 to 8 | CPU s: 1, 8, 64 times | 8 to 1 | 64 to 8 | off the line |'
    echo '|---|---:|---:|---:|---:|---:|---:|---:|'
    awk -F '|' '
        function step(a, b) { return a > 0 ? sprintf("%.2f", b / a) : "" }
        { printf "| %s | %s, %s, %s | %s | %s | %s, %s, %s | %s | %s | %s |\n", $1, $2, $3, $4, step($2, $3), step($3, $4),
            $5, $6, $7, step($5, $6), step($6, $7), $8 == "" ? "" : $8 " %" }' "$results/growth/all"
    printf '\n*Off the line*: the longest run notes at its checkpoints how many bytes are committed; the largest distance of one of\n'
    printf 'them from the straight line through all, as a part of the run. The best of the rounds stands here, since noise only adds.\n'
}

memory_table() {
    [ -e "$results/memory/order" ] || return 0
    printf '\n### Peak memory, `--jobs 2`, `--memory` as it is without the option (256M) where nothing else is said\n\n'
    echo '| | MiB | the summary says | wall s | exit status |'
    echo '|---|---:|---:|---:|---:|'
    cat $(cat "$results/memory/order") | awk -F '|' '{ printf "| %s | %s | %s | %.1f | %s |\n", $1, $2, $5, $3, $4 }'
}

version_of() { # NAME COMMAND...
    local name=$1 text
    shift
    text=$("$@" 2>/dev/null | head -n 1 | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1) || true
    printf ', %s %s' "$name" "${text:-(not installed)}"
}

machine() {
    printf 'Machine: %s cores, %s, %s MiB of memory, Linux %s. ' "$(nproc)" \
        "$(awk -F': *' '/model name/ { print $2; exit }' /proc/cpuinfo)" "$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(uname -r)"
    printf 'Load before the run: %s, after it: %s.\n' "$(cat "$results/load")" "$(cut -d ' ' -f 1 /proc/loadavg)"
    printf 'windrow %s%s' "$("$windrow" version | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1)" "$(version_of PostgreSQL "$(pg_bindir)/postgres" --version)"
    version_of sqlite3 sqlite3 --version
    version_of jq jq --version
    version_of pgloader pgloader --version
    version_of sqlite-utils sqlite-utils --version
    version_of Node node --version
    printf ', DuckDB %s, pg-copy-streams %s; %s.\n' "$(npm_version @duckdb/node-api)" "$(npm_version pg-copy-streams)" "$(date -u +%F)"
    printf 'Data: %s narrow rows, %s wide ones, %s small files; %s rounds, in turns.\n' "$narrow_rows" "$wide_rows" "$small_files" "$rounds"
}

page() {
    cat <<'END'
# Benchmarks

Made by `scripts/bench --out docs/benchmarks.md` (`scripts/bench --help` prints the options; `--quick` is done in under two minutes). It
makes its own data, the same bytes every time, and runs all sides of a comparison in turns on the same machine; after each load the
rows are counted. windrow runs as everybody runs it: ledger, exactly once, rejects with addresses, `synchronous_commit` and SQLite's
journal as they are.

- **narrow**: JSON Lines of 210 bytes, ten columns (bigint, numeric, integer, boolean, timestamptz, text) and an identity key.
- **wide**: JSON Lines of 1 KB: a uuid key and an object for a jsonb column.
- **small**: JSON documents of 2 to 10 KB, a thousand to a directory.
- PostgreSQL is a private server on a Unix socket with its default settings, on the same cores.
- *CPU s* is user and system time of the program and its children, plus that of the server; *peak* is the largest process of the
  client side.
- DuckDB's time is that of the statement alone, without the start of Node; windrow's is that of the whole process.
- Slow programs are measured with a tenth of the rows, and windrow beside them with the same tenth.

END
    machine
    goals
    printf '\n## Side by side\n'
    for case in narrow wide slow_postgres sqlite slow_sqlite check_narrow check_wide small again rejects_postgres rejects_sqlite \
        ledger_postgres ledger_sqlite; do
        table "$case"
    done
    growth_table
    memory_table
    fixture_text
}
