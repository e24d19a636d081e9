#!/usr/bin/env bash
# Take down what containers-up.sh started in DIR, and remove DIR; by recorded pid only.
set -uo pipefail
DIR=${1:?a directory}
[ -e "$DIR/daemon.json" ] || { echo "nothing in $DIR"; exit 0; }
DIR=$(readlink -f "$DIR"); PATH=$PATH:/usr/sbin:/sbin
export DOCKER_HOST=unix://$DIR/docker.sock
left=$(docker ps --all --quiet 2>/dev/null)
# shellcheck disable=SC2086
[ -z "$left" ] || docker rm --force $left >/dev/null 2>&1
if [ -e "$DIR/podman.env" ]; then
  export CONTAINERS_CONF=$DIR/containers.conf CONTAINERS_STORAGE_CONF=$DIR/storage.conf
  podman rm --all --force --time 0 >/dev/null 2>&1
  podman system reset --force >/dev/null 2>&1
fi
pid=$(cat "$DIR/dockerd.pid" 2>/dev/null)
case "$(cat "/proc/${pid:-none}/comm" 2>/dev/null)" in
  dockerd)
    kill "$pid"
    for _ in $(seq 1 100); do [ -e "/proc/$pid" ] || break; sleep 0.1; done
    # With containers that live on, its containerd would too.
    pid=$(cat "$DIR/exec/containerd/containerd.pid" 2>/dev/null)
    case "$(cat "/proc/${pid:-none}/comm" 2>/dev/null)" in containerd) kill "$pid"; sleep 0.5 ;; esac ;;
esac
rm -rf "$DIR"
echo down
