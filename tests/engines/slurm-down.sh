#!/usr/bin/env bash
# Take down what slurm-up.sh started in DIR; by recorded pid only. Removes DIR unless --keep.
set -uo pipefail
DIR=${1:-${TMPDIR:-/tmp}/slurm-test}; KEEP=${2:-}
[ -e "$DIR/slurm.conf" ] || { echo "nothing in $DIR"; exit 0; }
DIR=$(readlink -f "$DIR"); export SLURM_CONF=$DIR/slurm.conf; PATH=$PATH:/usr/sbin:/sbin
# only a pid whose program is the expected one is signalled (a stale pid file may name a stranger)
stop() { local want=$1 f=$2 pid; [ -s "$f" ] || return 0; pid=$(cat "$f")
  case "$(cat "/proc/$pid/comm" 2>/dev/null)" in ${want}*) kill "$pid" 2>/dev/null
    for _ in $(seq 1 15); do [ -e "/proc/$pid" ] || break; sleep 0.1; done; [ -e "/proc/$pid" ] && kill -9 "$pid" 2>/dev/null ;; esac
  rm -f "$f"; }
timeout 10 scancel -u "$(id -un)" >/dev/null 2>&1
for _ in $(seq 1 30); do [ -z "$(timeout 5 squeue -h 2>/dev/null)" ] && break; sleep 0.2; done
for f in "$DIR"/run/slurmd-*.pid; do stop slurmd "$f"; done
stop slurmctld "$DIR/run/slurmctld.pid"
stop munged "$DIR/munge/pid"
# batch scripts whose slurmd had died before the cancel reached it: they run from our spool directory
for c in /proc/[0-9]*/cmdline; do p=${c#/proc/}; p=${p%/cmdline}
  if { tr '\0' ' ' <"$c"; } 2>/dev/null | grep -qF "$DIR/spool/"; then
    for k in $(cat /proc/"$p"/task/*/children 2>/dev/null); do kill -9 "$k" 2>/dev/null; done; kill -9 "$p" 2>/dev/null
  fi; done
[ "$KEEP" = --keep ] && rm -rf "$DIR/state" "$DIR/spool" "$DIR/run" || rm -rf "$DIR"
echo down
