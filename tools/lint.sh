#!/usr/bin/env bash
# All static checks, each told with its seconds; every one runs, and the exit code is that of the worst.
# `tools/lint.sh ruff sql` runs only the named ones.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
export PATH=$bin:$PATH
unset PYTHONDONTWRITEBYTECODE
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The checks never look at anybody's state: an own, empty home.
export SPRINTLINE_HOME=$scratch/home
export DAGSTER_HOME=$scratch/dagster
mkdir -p "$SPRINTLINE_HOME" "$DAGSTER_HOME"
printf 'telemetry:\n  enabled: false\n' >"$DAGSTER_HOME/dagster.yaml"
export DAGSTER_DISABLE_TELEMETRY=yes DO_NOT_TRACK=true DG_CLI_CONFIG=$PWD/platform/dg.toml

products=()
for declaration in platform/products/*/defs.yaml; do
    [[ -f $declaration ]] && products+=("$(basename "$(dirname "$declaration")")")
done

# Without a product the loops below would pass by doing nothing.
has_products() {
    [[ ${#products[@]} -gt 0 ]] || { echo "no product found: there is no platform/products/*/defs.yaml" && return 1; }
}

check_ruff() { ruff check . && ruff format --check --quiet .; }
check_types() { mypy; }
check_layers() { lint-imports --no-logo; }

check_sql() {
    local status=0
    sqlfluff lint --disable-progress-bar dbt_project/models || status=1
    if compgen -G 'feature_repo/*/*.sql' >/dev/null; then
        sqlfluff lint --disable-progress-bar --templater placeholder feature_repo || status=1
    fi
    return $status
}

# A manifest per product: a full parse of each, with the warnings that matter (unused or doubled configuration) as errors.
check_dbt() {
    local product status=0
    has_products || return 1
    for product in "${products[@]}"; do
        SPRINTLINE_PRODUCT=$product SPRINTLINE_LAKE=$scratch/lake SPRINTLINE_WAREHOUSE=$scratch/$product.duckdb \
            dbt --quiet --warn-error --no-send-anonymous-usage-stats parse --no-partial-parse --project-dir dbt_project \
            --profiles-dir dbt_project --target-path "$scratch/dbt/$product" --log-path "$scratch/dbt/$product" || {
            echo "dbt parse: product $product does not parse"
            status=1
        }
    done
    return $status
}

# `dg check yaml` keeps only one defs.yaml per component type, so an error in one of several products passes unseen:
# each product is checked by itself.
check_yaml() {
    local product status=0
    has_products || return 1
    for product in "${products[@]}"; do
        (cd platform && dg check yaml "products/$product") || status=1
    done
    return $status
}

# Loading finds what the YAML pass cannot (literals, patterns). `dg check defs` loads all products as one, as dg does;
# `definitions validate` each as its own code location, as the UI does. Its only fault is to advertise the former.
check_defs() {
    (cd platform && dg check defs) || return 1
    PYTHONWARNINGS=ignore::FutureWarning dagster definitions validate -w workspace.yaml --log-level error
}

# Reviews are requested from those who answer for a product by its declaration.
check_owners() { sprintline codeowners --check; }

chosen=("$@")
[[ ${#chosen[@]} -gt 0 ]] || chosen=(ruff types layers sql dbt yaml defs owners)
failed=()
for name in "${chosen[@]}"; do
    if ! declare -F "check_$name" >/dev/null; then
        echo "lint: no check '$name'; there are: ruff types layers sql dbt yaml defs owners" >&2
        exit 2
    fi
    started=$SECONDS
    if "check_$name" >"$scratch/output" 2>&1; then
        printf 'ok      %-7s %3d s\n' "$name" $((SECONDS - started))
    else
        cat "$scratch/output"
        printf 'FAILED  %-7s %3d s\n' "$name" $((SECONDS - started))
        failed+=("$name")
    fi
done
if [[ ${#failed[@]} -gt 0 ]]; then
    echo "lint: ${failed[*]} failed" >&2
    exit 1
fi
