#!/usr/bin/env bash
# Train the analysis network on the simulated camera for a while, then measure it.
#
#   tools/train_analysis.sh PHOTOGRAPHS BENCHMARK SECONDS [OPTION...]
#
# PHOTOGRAPHS: folder of sharp pictures; BENCHMARK: folder as of `evaluation benchmark`; SECONDS: of
# training. OPTIONs go to `python -m deblurnets.training analysis`, after those below. It begins
# with the weights in models/ and leaves models/ as it is: the new ones are runs/analysis_camera.h5
# (RUN names another run). On a GPU KERAS_BACKEND=torch and --cuda_graph are the fastest.
set -euo pipefail
photographs=$1 benchmark=$2 seconds=$3
shift 3
run=${RUN:-runs/analysis_camera}
python=${PYTHON:-python}

[ -d "$run.pack" ] || "$python" -m deblurnets.training pack "$photographs" "$run.pack"
"$python" -m deblurnets.training analysis "$run.pack" "$run" --seconds "$seconds" \
    --batch 64 --crop 320 --learning_rate 4e-4 --workers "$(nproc)" \
    --samples '{"extent": [1.5, 45]}' --start models/compact_analysis.h5 "$@"
"$python" -m deblurnets.training export "$run" "$run.h5"
for weights in models/compact_analysis.h5 "$run.h5"; do
    echo "$weights"
    KERAS_BACKEND=tensorflow "$python" -m deblurnets.evaluation benchmark "$benchmark" --every 4 \
        --analysis-weights "$weights" | tail -3
done
