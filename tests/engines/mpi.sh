#!/usr/bin/env bash
# Whether programs that use MPI can be built and started here.
#
#   MPI_INSTALL=1    apt-get install what is missing (needs root)
set -euo pipefail

# bindgen, which reads MPI's headers, loads it.
has_libclang() {
  [ -n "${LIBCLANG_PATH:-}" ] || ldconfig -p 2>/dev/null | grep -q 'libclang[-.0-9]*\.so' ||
    compgen -G '/usr/lib/llvm-*/lib/libclang.so*' >/dev/null
}

missing=()
command -v mpicc >/dev/null 2>&1 || missing+=(libopenmpi-dev)
command -v mpirun >/dev/null 2>&1 || missing+=(openmpi-bin)
has_libclang || missing+=(libclang-dev)
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "${MPI_INSTALL:-0}" != 1 ]; then
  echo "missing: ${missing[*]} (apt-get install them, or set MPI_INSTALL=1)" >&2; exit 3
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -y -qq --no-install-recommends \
  "${missing[@]}" >"${TMPDIR:-/tmp}/mpi-apt.log" 2>&1
