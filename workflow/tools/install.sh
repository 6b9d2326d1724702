#!/usr/bin/env bash
# Create the environment and install the locked packages and radpipe itself into it.
#   install.sh PYTHON ENVIRONMENT      e.g. install.sh python3 .venv
# A second run installs only what changed. A fault ends in one sentence; pip's own words are in
# ENVIRONMENT/install.log.
set -euo pipefail

python=$1
venv=$2
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lock=requirements.lock
log=$venv/install.log

# Settings of the user's pip that would send packages elsewhere than into the environment.
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
unset PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX

say() { echo "radpipe: $*"; }

stop() {
  say "$*" >&2
  exit 1
}

check_python() {
  command -v "$python" >/dev/null ||
    stop "'$python' was not found; install Python 3.11, 3.12 or 3.13, or name yours: make PYTHON=/path/to/python3.12"
  local version
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  case $version in
    3.11 | 3.12 | 3.13) ;;
    *) stop "'$python' is Python $version, but radpipe needs 3.11, 3.12 or 3.13; name another one: make PYTHON=/path/to/python3.12" ;;
  esac
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    stop "'$python' cannot make environments because its venv module is missing; install it (Debian, Ubuntu: apt install python$version-venv)."
}

usable() {
  "$venv/bin/python" -c 'import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
    2>/dev/null
}

make_environment() {
  usable && return
  check_python
  say "creating $venv with $("$python" --version)"
  "$python" -m venv --clear "$venv"
}

# Said before anything large is fetched.
check_build() {
  is_built || bash "$tools/build_pyradiomics.sh" "$venv/bin/python"
}

is_built() { "$venv/bin/python" -m pip freeze | grep -Fx "$(pinned pyradiomics)" >/dev/null; }

# The lock without pyradiomics, which must wait until numpy is there.
others() { grep -v '^pyradiomics==' "$lock"; }

pinned() { grep "^$1==" "$lock"; }

# pip NAME ARGUMENTS...: NAME is what a person reads when it fails.
pip() {
  local what=$1
  shift
  "$venv/bin/python" -m pip install --quiet "$@" >>"$log" 2>&1 && return
  grep -E '^ *(ERROR|error):' "$log" | tail -n 3 >&2 || true
  stop "$what could not be installed; the whole of pip's output is in $log"
}

install_all() {
  : >"$log"
  others >"$venv/constraints.txt"
  pip "pip" "$(pinned pip)" "$(pinned setuptools)" "$(pinned wheel)"
  say "installing torch (200 MB as a CPU build, some GB as a CUDA build)"
  pip "torch" --constraint "$venv/constraints.txt" "$(pinned torch)"
  say "installing $(grep -c '==' "$lock") locked packages"
  pip "a locked package" --build-constraint "$venv/constraints.txt" --requirement "$venv/constraints.txt"
  is_built || say "building $(pinned pyradiomics)"
  is_built || bash "$tools/build_pyradiomics.sh" "$venv/bin/python" "$(pinned pyradiomics)" >>"$log" ||
    stop "the whole of pip's output is in $log"
  pip "radpipe" --no-deps --no-build-isolation --editable .
}

[ -f "$lock" ] || stop "$lock was not found in $PWD; run make in the folder of radpipe."
make_environment
check_build
install_all
say "installed in $venv after $SECONDS s"
