#!/usr/bin/env bash
# Proves each requirements file in a fresh environment: it installs by itself, the paper pair gives
# the numbers of the 2020 release, and the command line deblurs an example with both pairs.
#
#   tools/check_environments.sh [1.15.0] [2.3.0] [current]     all three by default
#
# Needs Python 3.7, 3.8 and one of 3.10 to 3.13 (on the PATH or from pyenv) and the package index.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/deblurnets" "$work/tmp"
export TMPDIR="$work/tmp" PIP_DISABLE_PIP_VERSION_CHECK=1 TF_CPP_MIN_LOG_LEVEL=3 MPLBACKEND=Agg
# The last commit, so that nothing uncommitted helps.
git -C "$root" archive HEAD | tar -x -C "$work/deblurnets"
cd "$work/deblurnets"

find_python() { # find_python 3.10 3.11 ...: the first that runs
    local version name
    for version in "$@"; do
        for name in "python$version" "$HOME/.pyenv/versions/$version".*/bin/python; do
            if "$name" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" \
                2>/dev/null; then
                echo "$name"
                return
            fi
        done
    done
    echo "no Python $* found" >&2
    return 1
}

check() { # check NAME PYTHON REQUIREMENTS
    local name=$1 python=$2 requirements=$3 venv=$work/venv-$1 weights=$work/weights out=$work/out-$1
    printf '\n== TensorFlow %s: %s\n' "$name" "$("$python" --version 2>&1)"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install -q -r "$requirements"
    "$venv/bin/python" -m pip check
    "$venv/bin/python" tools/measure_paper.py reference "$weights"
    "$venv/bin/python" - "$work/small.png" <<'EOF'
import sys
import cv2
cv2.imwrite(sys.argv[1], cv2.imread("blurry_input/coffee.png")[60:316, 100:400])
EOF
    "$venv/bin/python" deblur_main.py -i blurry_input/coffee.png -o "$out/compact" -sbs
    "$venv/bin/python" deblur_main.py -i "$work/small.png" -o "$out/paper" \
        -amp "$weights/analysis_weights.h5" -smp "$weights/synthesis_weights.h5" -amis 256
    for result in "$out/compact/coffee_deblurred.png" "$out/paper/small_deblurred.png"; do
        [ -s "$result" ] || { echo "no result $(basename "$result")" >&2; exit 1; }
    done
}

[ $# -gt 0 ] || set -- 1.15.0 2.3.0 current
for name in "$@"; do
    case $name in
        1.15.0) python=$(find_python 3.7) requirements=requirements_tf_1.15.0.txt ;;
        2.3.0) python=$(find_python 3.8) requirements=requirements_tf_2.3.0.txt ;;
        current) python=$(find_python 3.11 3.12 3.10 3.13) requirements=requirements.txt ;;
        *) echo "unknown environment $name: expected 1.15.0, 2.3.0 or current" >&2; exit 2 ;;
    esac
    check "$name" "$python" "$requirements"
done
printf '\nall of %s passed\n' "$*"
