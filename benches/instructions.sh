#!/usr/bin/env bash
# Counts the instructions of one call of each benchmark of the condition language with callgrind: the
# difference between 200 and 100 calls, divided by 100. The result is the same in every run of one binary.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is not installed" >&2; exit 1; }
binary=$(cargo bench --bench condition --no-run 2>&1 | sed -n 's/.*Executable.*(\(.*\))/\1/p')
count() { # NAME CALLS
  local which=("condition::$1" --exact)
  case "$1" in *::*) which=("$1") ;; esac
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" --bench "${which[@]}" \
    --sample-count 1 --sample-size "$2" 2>&1 | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}
if [ $# -eq 0 ]; then
  set -- parse evaluate {parse,evaluate}_kilobytes::{1,2,4,8}
fi
for name in "$@"; do
  few=$(count "$name" 100)
  many=$(count "$name" 200)
  printf '%-36s %9d\n' "$name" $(((many - few) / 100))
done
