"""Train networks: ``python -m deblurnets.training -h`` lists the commands."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any, Callable, Dict, Generator, Iterator, Optional, Sequence, Tuple

from deblurnets.runtime.interrupts import StopRequest
from deblurnets.training.estimates import ESTIMATED, estimate_samples
from deblurnets.training.kernel_sheet import write_kernel_sheet
from deblurnets.training.kinds import (
    HALVES,
    build_network,
    build_trainer,
    export_weights,
    exported,
    sample_defaults,
)
from deblurnets.training.options import build_parser
from deblurnets.training.photographs import pack_photographs
from deblurnets.training.quality_samples import (
    QUALITY_SAMPLES,
    quality_batches,
    write_quality_samples,
)
from deblurnets.training.samples import SampleConfig
from deblurnets.training.stream import batches


def _samples(settings: str, **defaults: Any) -> SampleConfig:
    """Build a sample configuration from JSON."""
    try:
        return SampleConfig.from_values({**defaults, **json.loads(settings)})
    except (TypeError, ValueError) as error:
        raise SystemExit(f"--samples: {error}") from None


def _train(options: argparse.Namespace) -> None:
    from keras.utils import set_random_seed

    from deblurnets.training import loop
    from deblurnets.training.devices import use_devices

    set_random_seed(options.seed)  # the initial weights
    if options.devices:
        use_devices(options.devices, options.batch)
    dtype = options.dtype
    if options.cuda_graph:
        _check_cuda_graph(options)
        dtype = "float32"  # the convolutions of its twin may be in another
    config, network = build_network(options.kind, options.network, dtype, *_starts(options))
    defaults = sample_defaults(options.kind, config, options.on_device)
    samples = _samples(options.samples, crop=options.crop, **defaults)
    print(f"{options.kind}: {network.count_params():,} parameters", flush=True)
    first, seconds = 0, 0.0
    if options.cuda_graph:
        trainee = _graphed_step(network, options.crop, options.dtype)
    else:
        trainee = build_trainer(options.kind, network, **_trainer_settings(options))
        loop.compile_trainer(trainee)
        first, seconds = loop.load_checkpoint(trainee, options.run)
    made = _batches(options, samples, first)
    with contextlib.closing(made), stop_on_signal() as stop_requested:
        stream = _with_kernels_by(options.kernels_by, samples, made)
        options.run.mkdir(parents=True, exist_ok=True)
        _describe(options, config, samples)
        settings = _loop_config(options)
        loop.train(trainee, stream, settings, options.run, first, stop_requested, seconds)


def _starts(options: argparse.Namespace) -> Tuple[Optional[Path], ...]:
    """Return the weights files to start from, as `build_network` takes them."""
    if options.kind in HALVES:
        return options.analysis, options.synthesis
    return (options.start,)


def _trainer_settings(options: argparse.Namespace) -> Dict[str, Any]:
    """Return what `build_trainer` is to know beside the network."""
    if options.kind in HALVES:
        return {"kernel_weight": options.kernel_weight}
    if options.kernels_by:
        from deblurnets.deconvolution.restorer import RestoreConfig

        return {"settings": RestoreConfig().estimated}
    return {}


def _check_cuda_graph(options: argparse.Namespace) -> None:
    """Refuse what cannot be trained by CUDA graphs."""
    from deblurnets import backend
    from deblurnets.training.loop import CHECKPOINT

    if not backend.description().startswith("torch"):
        raise SystemExit(
            f"--cuda_graph trains by PyTorch, Keras runs on {backend.description()}: set "
            "KERAS_BACKEND=torch"
        )
    if (options.run / CHECKPOINT).exists():
        raise SystemExit(
            f"{options.run} holds a run, and runs by --cuda_graph are not resumed: name another "
            "folder, and begin with its exported weights (--start) to go on from there"
        )


def _graphed_step(network: Any, side: int, dtype: str) -> Any:
    """Return what trains an analysis network by CUDA graphs; without a GPU call by call."""
    import torch

    from deblurnets.training.cuda_graph import GraphedStep
    from deblurnets.training.twin import AnalysisTwin

    on_gpu = torch.cuda.is_available()
    twin = AnalysisTwin(network, side, half=dtype == "mixed_bfloat16", fuse=on_gpu)
    return GraphedStep(twin.to("cuda" if on_gpu else "cpu"))


def _loop_config(options: argparse.Namespace) -> Any:
    from deblurnets.training.loop import LoopConfig

    return LoopConfig(
        # A run by the clock ends by the clock.
        steps=10**9 if options.seconds else options.steps,
        seconds=options.seconds,
        learning_rate=options.learning_rate,
        checkpoint_seconds=60 if options.seconds else 180,
    )


def _batches(
    options: argparse.Namespace, samples: SampleConfig, first: int
) -> Generator[Dict[str, Any], None, None]:
    """Return the run's batches from a number on."""
    stream = options.seed, first, options.batch
    if options.kind == "quality":
        return quality_batches(options.pack, options.crop, *stream)
    return batches(options.pack, samples, *stream, options.workers)


def _with_kernels_by(
    run: Optional[Path], samples: SampleConfig, made: Iterator[Dict[str, Any]]
) -> Iterator[Dict[str, Any]]:
    """Return batches with kernels estimated by the network of a run, where one is named."""
    if run is None:
        return made
    from deblurnets.training.estimated_kernels import LatestAnalysis

    try:
        return map(LatestAnalysis(run, samples.similarity_threshold), made)
    except ValueError as error:
        raise SystemExit(f"--kernels_by: {error}") from None


def _describe(options: argparse.Namespace, config: Any, samples: SampleConfig) -> None:
    """Write a run's configuration into its folder."""
    from deblurnets import backend

    description = {
        "kind": options.kind,
        "backend": backend.description(),
        "network": dataclasses.asdict(config),
        "samples": dataclasses.asdict(samples),
        "batch": options.batch,
        "seed": options.seed,
        "learning_rate": options.learning_rate,
        "steps": options.steps,
        "seconds": options.seconds,
        "on_device": options.on_device,
        "kernels_by": options.kernels_by and str(options.kernels_by),
        "kernel_weight": getattr(options, "kernel_weight", None),
    }
    (options.run / "config.json").write_text(json.dumps(description, indent=2) + "\n")


def export_run(run: Path, paths: Sequence[Path]) -> None:
    """Write the network of a run's last checkpoint as a weight file, and a model card beside it.

    Parameters
    ----------
    run : folder of a training run.
    paths : HDF5 file to write or replace; of a pair two, the analysis network's first. The card,
        `NAME.md`, is not replaced.
    """
    from deblurnets.training import loop
    from deblurnets.training.card import write_card

    description = json.loads((run / "config.json").read_text())
    settings = json.dumps(_without_dtype(description["network"]))
    config, network = build_network(description["kind"], settings)
    step = loop.load_network(network, run)
    files = exported(description["kind"], network, config)
    if len(files) != len(paths):
        wanted = " and ".join(kind for kind, _, _ in files)
        raise SystemExit(f"{run} is exported to {len(files)} file(s), {wanted}: name {len(files)}")
    for path, (kind, half, half_config) in zip(paths, files):
        path.parent.mkdir(parents=True, exist_ok=True)
        export_weights(kind, half, path, half_config)
        print(f"{path}: {kind} network after {step} steps, {path.stat().st_size / 1e6:.2f} MB")
        together = ", trained end to end with the other half" if len(files) > 1 else ""
        own = {"kind": kind + together, "network": dataclasses.asdict(half_config)}
        card = write_card(path, {**description, **own}, step, half)
        print(f"{card}: its model card, to be completed")


def _without_dtype(settings: Dict[str, Any]) -> Dict[str, Any]:
    """Return a network's configuration, or a pair's, without the precision it was trained in."""
    return {
        name: _without_dtype(value) if isinstance(value, dict) else value
        for name, value in settings.items()
        if name != "dtype"
    }


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a question, "was a stop asked for?", until the block's end."""
    with StopRequest(lambda: print("stopping with a checkpoint", flush=True)) as request:
        yield lambda: request.wanted


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run one command."""
    parser = build_parser(__doc__)
    options = parser.parse_args(arguments)
    if getattr(options, "kernels_by", None) and not options.on_device:
        parser.error("--kernels_by comes with --on_device")
    if options.command == "pack":
        number = pack_photographs(options.photographs, options.pack, options.limit)
        print(f"packed {number} photographs into {options.pack}")
    elif options.command == "estimates":
        samples = _samples(options.samples, **ESTIMATED)
        estimate_samples(
            options.pack, options.estimates, samples, options.seed, options.count, options.workers
        )
    elif options.command == "quality_samples":
        samples = _samples(options.samples, **QUALITY_SAMPLES)
        write_quality_samples(
            options.pack, options.folder, samples, options.seed, options.count, options.workers
        )
    elif options.command == "kernels":
        samples = _samples(options.samples)
        write_kernel_sheet(options.sheet, samples, options.seed, options.count)
        print(f"{options.sheet}: {options.count} kernels")
    elif options.command == "export":
        export_run(options.run, options.weights)
    else:
        _train(options)


if __name__ == "__main__":
    main()
