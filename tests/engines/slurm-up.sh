#!/usr/bin/env bash
# Bring up a small, real Slurm cluster (slurmctld + N x slurmd + munge)
# on ONE machine under one directory, without systemd. Idempotent: a second call with the same
# directory finds the running cluster and only prints its settings.
#
#   slurm-up.sh [DIR]                 default DIR: ${TMPDIR:-/tmp}/slurm-test
#   SLURM_NODES=2                     number of slurmd's (each pretends to be its own node)
#   SLURM_NODE_CPUS=2                 CPUs each node advertises (need not be real)
#   SLURM_NODE_MEM=2048               MiB each node advertises
#   SLURM_PORT_BASE=17800             slurmctld on BASE, slurmd k on BASE+k
#   SLURM_INSTALL=1                   apt-get install what is missing (needs root)
# Afterwards:  . DIR/env.sh           (exports SLURM_CONF)
# Take down:   slurm-down.sh [DIR]
set -euo pipefail

DIR=${1:-${TMPDIR:-/tmp}/slurm-test}
NODES=${SLURM_NODES:-2} CPUS=${SLURM_NODE_CPUS:-2} MEM=${SLURM_NODE_MEM:-2048}
BASE=${SLURM_PORT_BASE:-17800}
DOWN="$(dirname "$(readlink -f "$0")")/slurm-down.sh"

need() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
missing=()
need slurmctld || missing+=(slurmctld); need slurmd || missing+=(slurmd)
need sbatch || missing+=(slurm-client); need munged || missing+=(munge)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "${SLURM_INSTALL:-0}" = 1 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends \
      "${missing[@]}" slurm-wlm-basic-plugins >"${TMPDIR:-/tmp}/slurm-apt.log" 2>&1
  else
    echo "missing: ${missing[*]} (apt-get install them, or set SLURM_INSTALL=1)" >&2; exit 3
  fi
fi
PATH=$PATH:/usr/sbin:/sbin

alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }
mkdir -p "$DIR"; DIR=$(readlink -f "$DIR")
export SLURM_CONF=$DIR/slurm.conf
if alive "$DIR/run/slurmctld.pid" && scontrol ping 2>/dev/null | grep -q UP; then
  echo "already up"; cat "$DIR/env.sh"; exit 0
fi
[ -e "$DIR/slurm.conf" ] && [ -x "$DOWN" ] && "$DOWN" "$DIR" --keep >/dev/null 2>&1 || true

mkdir -p "$DIR"/{run,log,state,munge}
for i in $(seq 1 "$NODES"); do mkdir -p "$DIR/spool/n$i"; done
chmod 755 "$DIR" "$DIR/run"; chmod 700 "$DIR/munge"
# own munge key and socket: never touches the system's
[ -s "$DIR/munge/key" ] || { head -c 128 /dev/urandom >"$DIR/munge/key"; chmod 400 "$DIR/munge/key"; }
ME=$(id -un); HOST=$(hostname -s)
: >"$DIR/cgroup.conf"; echo "CgroupPlugin=cgroup/v1" >"$DIR/cgroup.conf"   # unused by the plugins below

cat >"$DIR/slurm.conf" <<CONF
ClusterName=localtest
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=$ME
SlurmdUser=$ME
AuthType=auth/munge
# cred_expire is also how long a requeued job waits before it may start again (default 120 s)
AuthInfo=socket=$DIR/munge/sock,cred_expire=5
CredType=cred/munge
SlurmctldPort=$BASE
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd-%n.pid
SlurmdSpoolDir=$DIR/spool/%n
StateSaveLocation=$DIR/state
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd-%n.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0,bf_interval=1
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$DIR/log/jobcomp.log
JobAcctGatherType=jobacct_gather/linux
# without cgroups, memory is looked at once a second, and too much of it ends a job
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
JobRequeue=1
MinJobAge=3600
InactiveLimit=0
KillWait=5
WaitTime=0
SlurmctldTimeout=30
SlurmdTimeout=5
BatchStartTimeout=10
MessageTimeout=10
UnkillableStepTimeout=15
# accept nodes that advertise more than the machine has; they come back after a failure
SlurmdParameters=config_overrides
ReturnToService=2
DefMemPerCPU=256
$(for i in $(seq 1 "$NODES"); do
  echo "NodeName=n$i NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((BASE+i)) CPUs=$CPUS RealMemory=$MEM State=UNKNOWN"; done)
PartitionName=main Nodes=n[1-$NODES] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF

cat >"$DIR/env.sh" <<ENV
export SLURM_CONF=$DIR/slurm.conf
ENV

T0=$(date +%s%N)
munged --force --key-file="$DIR/munge/key" --socket="$DIR/munge/sock" --pid-file="$DIR/munge/pid" \
  --log-file="$DIR/log/munged.log" --seed-file="$DIR/munge/seed" --num-threads=2 </dev/null >"$DIR/log/munged.out" 2>&1
slurmctld -c -f "$SLURM_CONF" </dev/null >"$DIR/log/slurmctld.out" 2>&1
for i in $(seq 1 "$NODES"); do
  slurmd -N "n$i" -f "$SLURM_CONF" </dev/null >"$DIR/log/slurmd-n$i.out" 2>&1
done
for _ in $(seq 1 150); do
  [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l)" -ge "$NODES" ] && {
    echo "ready in $(( ($(date +%s%N)-T0)/1000000 )) ms: $(sinfo -h -o '%P %D %t %N')"; cat "$DIR/env.sh"; exit 0; }
  sleep 0.2
done
echo "not ready after 30 s" >&2; sinfo >&2 || true; tail -n 5 "$DIR"/log/*.log >&2; exit 1
