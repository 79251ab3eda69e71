#!/usr/bin/env bash
# Resolve pyproject.toml into the lock files: all platforms, Python 3.11 and 3.12, hashes, no index host.
# Versions already locked stay unless pyproject.toml forbids them; UPGRADE=1 takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links
    --no-annotate --custom-compile-command "make lock" --quiet)
[[ -z ${UPGRADE:-} ]] || options+=(--upgrade)
export UV_SYSTEM_CERTS=1
.venv/bin/uv pip compile "${options[@]}" --all-extras --output-file requirements.lock pyproject.toml
.venv/bin/uv pip compile "${options[@]}" --output-file requirements-bootstrap.lock - <<<"uv>=0.13"
