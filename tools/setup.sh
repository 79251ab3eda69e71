#!/usr/bin/env bash
# Make the virtual environment from the lock files: exact versions, every file's hash checked, bytecode compiled.
# Called by `make setup`, which skips it while nothing changed. Safe to repeat after an interruption.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
python=${PYTHON:-python3.11}

if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
    echo "setup: '$python' is not Python 3.11, 3.12 or 3.13. Install python3.11, or name one: make setup PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$python" -m venv "$venv"; then
    echo "setup: this Python cannot make virtual environments. On Debian: apt-get install python3.11-venv" >&2
    exit 1
fi

# uv installs ten times faster than pip and speaks the same lock format; pip fetches it, checked by hash as well.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes -r requirements-bootstrap.lock

export VIRTUAL_ENV="$PWD/$venv"
export UV_SYSTEM_CERTS=1       # as pip does: trust what the machine trusts
export UV_LINK_MODE=copy       # a cache on another file system is no reason to warn
export UV_NO_PROGRESS=1
# Compiled now, in parallel: otherwise every library's first import compiles it, and starts take two to three times longer.
if ! UV_COMPILE_BYTECODE=1 "$venv/bin/uv" pip install --quiet --require-hashes -r requirements.lock; then
    # A machine may have told only pip where its packages come from (pip.conf); the lock is the same for both.
    echo "setup: uv could not install; trying pip with the same lock" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --require-hashes -r requirements.lock
fi

# For a layer of an image that changes only with the locks: tools/setup.sh .venv libraries
[[ ${2:-} != libraries ]] || exit 0

# Sprintline itself, editable: its source folder goes on the path, so a new module or product needs no reinstall.
# No isolation, no dependencies: nothing is fetched beyond the lock. What it was installed as before goes first: a team's
# clone has a name of its own since `make mine`.
"$venv/bin/uv" pip uninstall --quiet sprintline 2>/dev/null || true
"$venv/bin/uv" pip install --quiet --no-deps --no-build-isolation --editable .
