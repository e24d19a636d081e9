# What starts each of several workers, whose command are the arguments.

# Who was no task yet when the job was asked to stop has not heard of it.
[ -e stopped ] && exit 143
# Each sees its share of the GPUs that the job has on this node.
IFS=, read -ra gpus <<<"$CUDA_VISIBLE_DEVICES"
if [ "${#gpus[@]}" -gt 1 ]; then
    tasks=${SLURM_STEP_TASKS_PER_NODE%%[!0-9]*}
    share=$((${#gpus[@]} / ${tasks:-1}))
    [ "$share" -gt 0 ] || share=1
    first=$((SLURM_LOCALID * share % ${#gpus[@]}))
    own=${gpus[*]:first:share}
    export CUDA_VISIBLE_DEVICES=${own// /,}
fi
[ "$SLURM_PROCID" = 0 ] && exec "$@"
trap : TERM
"$@" >"rank-$SLURM_PROCID"
code=$?
tail -n 1 "rank-$SLURM_PROCID" >&2
exit $code
