#!/usr/bin/env bash
# The long proofs, one command each; every one runs, each is told with its seconds, and the exit code is that of the
# worst. `tools/prove.sh faults` runs only the named ones. To add one: a function prove_NAME, and NAME in `all`.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH
unset PYTHONDONTWRITEBYTECODE
all=(mutation faults drift interval kills flights stranger)

# What decides: a change of gates or verdicts that no test notices.
prove_mutation() { tools/mutation.sh 85; }

# Every fault of every rule, caught by its materialized check. Clean figures are those of the sprints on record in the
# state folder (SPRINTLINE_HOME), so replay the year before. With WRITE=1 the result becomes what the rules' pages tell.
prove_faults() {
    if [[ -n ${WRITE:-} ]]; then
        sprintline faults --write docs/reference/faults.json && sprintline reference
    else
        python -W ignore -m pytest -q -m '' -p no:cacheprovider tests/faults/test_suite.py
    fi
}

# Simulated years: at most two false alarms in each, every kind of fault caught within two windows in 95 % of cases.
prove_drift() { python -W ignore tools/simulate_drift.py; }

# Simulated sprints of two equally good models: the promotion gate's interval calls no more of them a gain than the limit.
prove_interval() { python -W ignore tools/simulate_interval.py; }

# SIGKILL at every failpoint, at a hundred random moments (KILLS=300 for more) and of a running platform; a full disk at
# every step; many runs at once. What is left after the next run equals what a quiet run leaves.
prove_kills() {
    KILLS=${KILLS:-100} python -W ignore -m pytest -q -m '' -s -p no:cacheprovider tests/end_to_end/test_crash.py \
        tests/end_to_end/test_crash_daemon.py tests/end_to_end/test_many_at_once.py
}

# The flights under every other task that is published: their first scored sprint comes out again.
prove_flights() { python -W ignore -m pytest -q -m '' -p no:cacheprovider tests/products/flight_delays/test_by_task.py; }

# A team's clone: the sample removed, one scaffolded product left, lint and the platform's tests green there. Left out are
# the tests that run daemons, which scaffold a clone of their own wherever they run.
prove_stranger() { tools/stranger.sh; }

# The image, where an engine can build it: every declaration is sound in there.
engine=
for name in docker podman; do
    # A client without its daemon builds nothing.
    [[ -n $engine ]] || ! "$name" info >/dev/null 2>&1 || engine=$name
done
[[ -z $engine ]] || all+=(image)
prove_image() {
    [[ -n $engine ]] || { echo "image: needs docker or podman, running" >&2 && return 1; }
    "$engine" build --quiet --target platform --tag sprintline-proof . &&
        "$engine" run --rm sprintline-proof sprintline check
}

chosen=("$@")
[[ ${#chosen[@]} -gt 0 ]] || chosen=("${all[@]}")
failed=()
for name in "${chosen[@]}"; do
    if ! declare -F "prove_$name" >/dev/null; then
        echo "prove: no proof '$name'; there are: ${all[*]}" >&2
        exit 2
    fi
    started=$SECONDS
    if "prove_$name"; then
        printf 'proved  %-10s %4d s\n' "$name" $((SECONDS - started))
    else
        printf 'FAILED  %-10s %4d s\n' "$name" $((SECONDS - started))
        failed+=("$name")
    fi
done
if [[ ${#failed[@]} -gt 0 ]]; then
    echo "prove: ${failed[*]} failed" >&2
    exit 1
fi
