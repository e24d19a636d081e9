# What every job does; the lines before this say what `job`, `owner`, `needs`, `outputs`, `before`,
# `setup`, `start` and `ranks` are.

# Writes a file whole: a reader finds all of it or nothing.
put() {
    printf '%s\n' "$2" >"$job/$1.new" && mv -f "$job/$1.new" "$job/$1"
}

give_up() {
    put failed "$1"
    exit 71
}

# A disk that nodes share may be some seconds behind.
appears() {
    local tries
    for tries in 1 2 3 4 5 6 7 8 9 10; do
        [ -e "$1" ] && return 0
        sleep 1
    done
    return 1
}

check_needs() {
    local place size path
    for ((place = 0; place < ${#needs[@]}; place += 2)); do
        size=${needs[place]} path=${needs[place + 1]}
        appears "$path" || give_up "\`$path\` is not there on node $node"
        [ -z "$size" ] || [ "$(stat -L -c %s -- "$path")" = "$size" ] ||
            give_up "\`$path\` is another file on node $node"
    done
    [ "$(cat -- "$owner")" = "$job" ] || give_up "\`${owner%/*}\` is another folder on node $node"
}

# Jobs that go before this one in a chain have written when it starts, maybe on another node.
check_before() {
    local folder size path tries
    for folder in "${before[@]}"; do
        appears "$folder/files" || give_up "\`$folder/files\` is not there on node $node"
        while IFS=' ' read -r -d '' size path; do
            for tries in 1 2 3 4 5 6 7 8 9 10; do
                [ "$(stat -L -c %s -- "$path" 2>/dev/null)" = "$size" ] && continue 2
                sleep 1
            done
            give_up "\`$path\`, which an earlier job has made, is not whole on node $node"
        done <"$folder/files"
    done
}

# What an attempt that was cut short has left.
clear_outputs() {
    local folder
    for folder in "${outputs[@]}"; do
        find "$folder" -mindepth 1 -delete
    done
    if [ -s out ] && [ -n "$(tail -c 1 out)" ]; then
        echo >>out
    fi
}

# Until there is a worker to be asked.
trap 'exit 143' TERM
cd "$job" || exit 70
appears "$job/in" || exit 70
node=${SLURMD_NODENAME:-$(hostname)}
rm -f code failed stopped files
[ -e started ] && is_again=1
mine="$node ${SLURM_RESTART_COUNT:-0}"
put started "$mine"
check_needs
check_before
[ -z "$is_again" ] || clear_outputs
setup

# Standard input is the file, and then stays open.
exec 3< <(cat in; exec sleep 2147483647)
feeder=$!
# `srun` would kill its tasks at once.
ask() {
    if [ "$ranks" = 1 ]; then
        kill -TERM "$worker" 2>/dev/null
    else
        # The number of one member of an array may be that of the whole array.
        local own=$SLURM_JOB_ID
        [ -z "$SLURM_ARRAY_JOB_ID" ] || own=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
        scancel --signal=TERM "$own"
    fi
}
stop() {
    put stopped "$node"
    ask
    is_asked=1
}
trap stop TERM
start <&3 >>out 2>>err &
worker=$!
[ -z "$is_asked" ] || ask
# A signal ends the wait, not the worker.
while
    wait "$worker"
    code=$?
    [ -n "$is_asked" ]
do
    is_asked=
done
trap '' TERM
kill "$feeder" 2>/dev/null
# A node that was given up may come back when another one has begun anew.
[ "$(cat started)" = "$mine" ] || exit "$code"
for folder in "${outputs[@]}"; do
    find "$folder" -type f -printf '%s %p\0'
done >files.new && mv -f files.new files
put code "$code"
exit "$code"
