#!/usr/bin/env bash
# Build pyradiomics into an environment that has numpy and setuptools already.
#   build_pyradiomics.sh PYTHON REQUIREMENT      e.g. build_pyradiomics.sh python pyradiomics==3.0.1
#   build_pyradiomics.sh PYTHON                  only check that the build can succeed
# PyPI offers it as source only. What is missing is said in one sentence on stderr; pip's output goes
# to stdout.
set -euo pipefail

python=$1
requirement=${2:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

stop() {
  echo "radpipe: pyradiomics is built from source, but $*" >&2
  exit 1
}

check_tools() {
  local compiler headers work
  compiler=${CC:-$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("CC") or "cc")')}
  command -v "${compiler%% *}" >/dev/null ||
    stop "no C compiler '${compiler%% *}' was found; install one (Debian, Ubuntu: apt install gcc libc6-dev) or name yours in CC."
  headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  [ -f "$headers/Python.h" ] ||
    stop "$headers/Python.h was not found; install the headers of Python (Debian, Ubuntu: apt install python3-dev)."
  work=$(mktemp -d)
  echo '#include <stdlib.h>' >"$work/probe.c"
  # CC may carry options (gcc -pthread), so it is split into words.
  # shellcheck disable=SC2086
  $compiler -c "$work/probe.c" -o "$work/probe.o" >/dev/null 2>&1 ||
    { rm -r "$work"; stop "'$compiler' cannot compile a file that includes <stdlib.h>; install the headers of the C library (Debian, Ubuntu: apt install libc6-dev)."; }
  rm -r "$work"
}

check_tools
[ -n "$requirement" ] || exit 0
PYTHONPATH="$here/build_pyradiomics" "$python" -m pip install --quiet --no-deps \
  --no-build-isolation "$requirement" 2>&1 || stop "the build failed; pip's output says why."
