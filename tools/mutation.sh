#!/usr/bin/env bash
# Mutation testing of what decides: gates and verdicts. mutmut changes one thing at a time in a copy; a mutant that no
# test notices survives. Prints a table by module and fails when one is below the score (default 85 %). RULES=1 mutates
# the judgements of all rules too, which takes a quarter of an hour; the fault suite proves these on materialized checks.
#   tools/mutation.sh [score]
set -euo pipefail
cd "$(dirname "$0")/.."
least=${1:-85}
root=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# mutmut names modules by their path: in a copy whose root holds the package, path and import name are the same.
cp -R platform/sprintline "$scratch/sprintline"
mkdir -p "$scratch/tests"
mkdir -p "$scratch/tests/mechanisms" "$scratch/tests/release"
cp tests/mechanisms/test_gates.py tests/mechanisms/test_verdicts.py tests/mechanisms/test_all_rules.py \
    tests/mechanisms/rule_cases.py tests/mechanisms/judgements.json "$scratch/tests/mechanisms/"
cp tests/release/test_rules.py "$scratch/tests/release/"
cat >"$scratch/pyproject.toml" <<TOML
[tool.mutmut]
source_paths = ["sprintline"]
only_mutate = ["sprintline/mechanisms/rules/gates.py", "sprintline/mechanisms/rules/verdicts.py"${RULES:+, "sprintline/*/rules.py"}]
also_copy = ["sprintline", "tests"]
pytest_add_cli_args_test_selection = ["tests"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist"]

[tool.pytest.ini_options]
pythonpath = ["."]
addopts = ["--import-mode=importlib"]
markers = ["fault: breaks something on purpose"]
TOML
cd "$scratch"
"$root/.venv/bin/python" -m mutmut run --max-children 2 >"$scratch/mutmut.log" 2>&1 || {
    tail -n 20 "$scratch/mutmut.log" >&2
    exit 1
}
"$root/.venv/bin/python" "$root/tools/mutation_score.py" "$scratch/mutants" "$least"
