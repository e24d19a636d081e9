# What every job does; the lines before this say what `job` and `host` are, and what `start` does.

# Writes a file whole: a reader finds all of it or nothing.
put() {
    printf '%s\n' "$2" >"$job/$1.new" && mv -f "$job/$1.new" "$job/$1"
}

# Until there is a worker to be asked.
trap 'exit 143' TERM
put started "$$"
# Standard input is the file, and then stays open.
mkfifo "$job/feed" || exit 70
{
    cat "$job/in"
    exec sleep 2147483647
} >"$job/feed" &
feeder=$!
stop() {
    put stopped "$$"
    kill -TERM "$worker" 2>/dev/null
    is_asked=1
}
trap stop TERM
start <"$job/feed" >>"$job/out" 2>>"$job/err" &
worker=$!
[ -z "$is_asked" ] || kill -TERM "$worker"
# A job of a host that is gone has nobody to work for.
if [ -n "$host" ]; then
    while kill -0 "$host" 2>/dev/null && [ -d "$job" ]; do sleep 1; done && kill -TERM $$ &
    watcher=$!
fi
wait "$worker"
code=$?
# A signal ends the wait, not the worker.
while [ "$code" -gt 128 ] && kill -0 "$worker" 2>/dev/null; do
    wait "$worker"
    code=$?
done
trap '' TERM
kill "$feeder" $watcher 2>/dev/null
put code "$code"
exit "$code"
