#!/usr/bin/env bash
# Bring up real engines of containers on this machine, under one directory: a Docker daemon of our
# own, and Podman where it runs. Images are made of this machine's own files; no registry is asked.
#
#   containers-up.sh DIR
#   CONTAINERS_INSTALL=1              apt-get install what is missing (needs root)
# Afterwards DIR has
#   docker.sock                       for DOCKER_HOST
#   podman.env                        settings for Podman, where it runs
# Images: olive-test:glibc (a shell and a C library), olive-test:musl (a shell alone),
#   olive-test:empty (no shell).
# Take down: containers-down.sh DIR
set -euo pipefail

DIR=${1:?a directory}
mkdir -p "$DIR"; DIR=$(readlink -f "$DIR")
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || { echo "a daemon of containers needs root here" >&2; exit 3; }

need() { command -v "$1" >/dev/null 2>&1; }
missing=()
need dockerd || missing+=(docker.io); need podman || missing+=(podman)
need runc || missing+=(runc); need busybox || missing+=(busybox-static)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "${CONTAINERS_INSTALL:-0}" = 1 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends \
      "${missing[@]}" >"${TMPDIR:-/tmp}/containers-apt.log" 2>&1
  else
    echo "missing: ${missing[*]} (apt-get install them, or set CONTAINERS_INSTALL=1)" >&2; exit 3
  fi
fi

export DOCKER_HOST=unix://$DIR/docker.sock
# The longest of a socket, at most 104: $DIR/exec/containerd/containerd.sock.ttrpc.
[ ${#DIR} -le 64 ] || { echo "the path $DIR is too long for a socket" >&2; exit 3; }
if docker version >/dev/null 2>&1; then echo "already up"; exit 0; fi
cat >"$DIR/daemon.json" <<JSON
{"live-restore": true}
JSON
dockerd --config-file "$DIR/daemon.json" --host "$DOCKER_HOST" --data-root "$DIR/data" \
  --exec-root "$DIR/exec" --pidfile "$DIR/dockerd.pid" --iptables=false --ip6tables=false \
  --bridge=none </dev/null >"$DIR/dockerd.log" 2>&1 &
for _ in $(seq 1 150); do
  docker version >/dev/null 2>&1 && break
  sleep 0.2
done
docker version >/dev/null 2>&1 || { tail -n 5 "$DIR/dockerd.log" >&2; exit 1; }

# A file system of a shell, and one with the C library that programs of this machine need.
make_musl() {
  mkdir -p "$1/bin" "$1/tmp"; chmod 1777 "$1/tmp"
  cp "$(command -v busybox)" "$1/bin/busybox"
  for name in sh cat cp sleep mkdir mv mkfifo printf kill rm ls head true env id tr; do ln -sf busybox "$1/bin/$name"; done
}
make_glibc() {
  make_musl "$1"
  local library
  for library in $(ldd "$(command -v bash)" | grep -o '/[^ ]*') \
      /lib/*/libm.so.6 /lib/*/libgcc_s.so.1 /usr/lib/*/libstdc++.so.6 /lib/*/libdl.so.2 \
      /lib/*/libpthread.so.0 /lib/*/librt.so.1; do
    [ -e "$library" ] || continue
    mkdir -p "$1$(dirname "$library")"; cp -L "$library" "$1$library"
  done
}
make_empty() { mkdir -p "$1"; echo nothing >"$1/file"; }

cat >"$DIR/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
netns = "none"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
CONF
cat >"$DIR/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$DIR/podman-data"
runroot = "$DIR/podman-run"
CONF
podman() {
  CONTAINERS_CONF=$DIR/containers.conf CONTAINERS_STORAGE_CONF=$DIR/storage.conf \
    command podman "$@"
}
for kind in glibc musl empty; do
  root=$DIR/root-$kind
  rm -rf "$root"; "make_$kind" "$root"
  tar -C "$root" -c . | docker import - "olive-test:$kind" >/dev/null
  tar -C "$root" -c . | podman import - "localhost/olive-test:$kind" >/dev/null 2>&1 || true
  rm -rf "$root"
done
rm -f "$DIR/podman.env"
if podman run --rm localhost/olive-test:glibc sh -c true >/dev/null 2>&1; then
  echo "$DIR/containers.conf $DIR/storage.conf" >"$DIR/podman.env"
fi
docker run --rm olive-test:glibc sh -c true
echo up
