#!/usr/bin/env bash
# A clone of what is committed, with the samples removed and one scaffolded product: `make lint` and those of the
# platform's tests that look at the clone's own folders must be green there. ALL=1 runs the others too, which find there
# what they find here, and those of more than five seconds, most of which make a product of their own. Its virtual
# environment borrows this one's libraries, so nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone --quiet --no-hardlinks "$here" "$clone"
cd "$clone"

"$here/.venv/bin/python" -m venv --without-pip .venv
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
borrowed=$("$here/.venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$clone/platform" "$borrowed" >"$site/clone.pth"
for program in "$here"/.venv/bin/*; do
    name=.venv/bin/${program##*/}
    [[ -e $name || ! -f $program ]] && continue
    if [[ $(head -c 2 "$program") == '#!' ]]; then
        sed "1s|$here/.venv|$clone/.venv|" "$program" >"$name"
    else
        cp "$program" "$name"
    fi
    chmod +x "$name"
done
cp "$here"/.venv/.setup-* .venv/

for declaration in platform/products/*/defs.yaml; do
    .venv/bin/sprintline remove "$(basename "$(dirname "$declaration")")" --yes
done
.venv/bin/sprintline new parcels
make --no-print-directory lint ARGS=
files=tests chosen='not end_to_end and not proof'
[[ -n ${ALL:-} ]] || chosen+=' and not slow' files=$(grep -rlwE 'ROOT|products' tests --include='test_*.py' | grep -v '^tests/products/' | sort | tr '\n' ' ')
make --no-print-directory test ARGS="-q -m '$chosen' -p no:cacheprovider $files"
