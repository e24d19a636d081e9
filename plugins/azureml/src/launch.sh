#!/bin/sh
# Runs Olive's worker in a folder that has the paths of its call.
#
# launch.sh ROOT CALL RESULT [NUMBER INPUT]...
#
# CALL holds `call.json`, what the worker reads, and `prepare.sh`, which sets its variables and
# arguments. What it writes goes to standard output line by line; its files, their digests and its
# last line to RESULT.
set -u
root=$1
call=$2
result=$3
shift 3

mkdir -p "$root/in" "$root/out" "$result/out" || exit 90
while [ $# -gt 1 ]; do
    ln -s "$2" "$root/in/$1" || exit 90
    shift 2
done
. "$call/prepare.sh"
cp olive "$root/olive" && chmod +x "$root/olive" || exit 90

mkfifo "$root/pipe" || exit 90
: >"$root/messages"
(
    trap '' TERM INT
    exec tee "$root/messages" <"$root/pipe"
) &
tee=$!
"$root/olive" "$@" <"$call/call.json" >"$root/pipe" 2>"$root/errors" &
worker=$!
trap 'kill -TERM "$worker" 2>/dev/null' TERM INT
wait "$worker"
code=$?
# A signal ends the waiting, not the worker, which may still write a checkpoint.
while kill -0 "$worker" 2>/dev/null; do
    wait "$worker"
    code=$?
done
wait "$tee"
cat "$root/errors" >&2

cp -RL "$root/out/." "$result/out/" || exit 91
(cd "$root/out" && find -L . -type f -exec sha256sum {} +) >"$result/files.sha256" || exit 91
tail -n 1 "$root/messages" >"$result/answer.json" || exit 91
rm -rf "$root"
exit "$code"
