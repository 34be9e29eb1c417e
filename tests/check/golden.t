#!/bin/bash
# What check prints for faults of every kind: tests/check/golden/NAME/{mapping.yaml,tables.sql,tree}, expected in `expected`.
# WINDROW_GOLDEN=write makes the expected files anew, to be read before they are committed.
. "${0%/*}/../lib/tap.sh"
need sqlite3
golden=$root/tests/check/golden

printed() {
    cp -r "$golden/$1" "$1" && cd "$1" && sqlite3 target.db <tables.sql || return 1
    windrow check mapping.yaml tree --to sqlite:target.db --jobs 1 --progress none >printed 2>printed.err
    echo "status $?" >>printed
    [ ! -s printed.err ] || { cat printed.err; return 1; }
    sed -i 's/^\(  started  \).*/\1.../; s/^\(  took     \).*/\1.../; s/[0-9]*\.[0-9]* s$/... s/' printed
    [ "${WINDROW_GOLDEN:-}" != write ] || cp printed "$golden/$1/expected"
    compare "$golden/$1/expected" printed
}

for case in "$golden"/*/; do
    name=$(basename "$case")
    expect_success "faults of $name" 'printed "$name"'
done
done_testing
