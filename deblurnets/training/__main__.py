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
    except ValueError as error:
        raise SystemExit(f"--samples: {error}") from None


def _train(options: argparse.Namespace) -> None:
    from keras.utils import set_random_seed

    from deblurnets.training import loop
    from deblurnets.training.devices import use_devices

    set_random_seed(options.seed)  # the initial weights
    if options.devices:
        use_devices(options.devices, options.batch)
    if getattr(options, "cuda_graph", False):
        return _train_by_cuda_graph(options)
    config, network = build_network(options.kind, options.network, options.dtype, *_starts(options))
    defaults = sample_defaults(options.kind, config)
    samples = _samples(options.samples, crop=options.crop, **defaults)
    trainer = build_trainer(options.kind, network, getattr(options, "kernel_weight", None))
    print(f"{options.kind}: {network.count_params():,} parameters", flush=True)
    loop.compile_trainer(trainer)
    options.run.mkdir(parents=True, exist_ok=True)
    first, seconds = loop.load_checkpoint(trainer, options.run)
    _describe(options, config, samples)
    stream = _streams(options, samples)(first, options.batch)
    with stop_on_signal() as stop_requested:
        settings = _loop_config(options)
        loop.train(trainer, stream, settings, options.run, first, stop_requested, seconds)
    stream.close()


def _starts(options: argparse.Namespace) -> Tuple[Optional[Path], ...]:
    """Return the weights files to start from, as `build_network` takes them."""
    if options.kind in HALVES:
        return options.analysis, options.synthesis
    return (options.start,)


def _train_by_cuda_graph(options: argparse.Namespace) -> None:
    """As `_train`, an analysis network by CUDA graphs."""
    from deblurnets.training.loop import CHECKPOINT

    if not options.on_device:
        raise SystemExit("--cuda_graph needs samples made on the device: add --on_device")
    if (options.run / CHECKPOINT).exists():
        raise SystemExit(
            f"{options.run} holds a run, and captured runs are not resumed: name another folder, "
            "and begin with its exported weights (--start) to go on from there"
        )
    config, network = build_network(options.kind, options.network, "float32", *_starts(options))
    samples = _samples(options.samples, crop=options.crop, **sample_defaults(options.kind, config))
    stream = _streams(options, samples)(0, options.batch)
    import torch

    from deblurnets.training.on_device.cuda_graph import train_by_cuda_graph
    from deblurnets.training.on_device.twin import AnalysisTwin

    on_gpu = torch.cuda.is_available()
    half = options.dtype == "mixed_bfloat16"
    twin = AnalysisTwin(network, options.crop, half, fuse=on_gpu).to("cuda" if on_gpu else "cpu")
    options.run.mkdir(parents=True, exist_ok=True)
    _describe(options, config, samples)
    with stop_on_signal() as stop_requested:
        train_by_cuda_graph(twin, stream, _loop_config(options), options.run, stop_requested)


def _loop_config(options: argparse.Namespace) -> Any:
    from deblurnets.training.loop import LoopConfig

    return LoopConfig(
        # A run by the clock ends by the clock.
        steps=10**9 if options.seconds else options.steps,
        seconds=options.seconds,
        learning_rate=options.learning_rate,
        checkpoint_seconds=60 if options.seconds else 180,
    )


def _streams(
    options: argparse.Namespace, samples: SampleConfig
) -> Callable[[int, int], Generator[Any, None, None]]:
    """Return what gives the run's batches from a number on, of a size."""
    if options.on_device:
        return _device_streams(options, samples)
    if options.kind == "quality":
        return lambda first, size: quality_batches(
            options.pack, options.crop, options.seed, first, size
        )
    return lambda first, size: batches(
        options.pack, samples, options.seed, first, size, options.workers
    )


def _device_streams(
    options: argparse.Namespace, samples: SampleConfig
) -> Callable[[int, int], Generator[Any, None, None]]:
    """As `_streams`, by PyTorch on its first GPU, or on the processor where there is none."""
    from deblurnets import backend

    if not backend.description().startswith("torch"):
        raise SystemExit(
            f"--on_device makes samples by PyTorch, Keras runs on {backend.description()}: set "
            "KERAS_BACKEND=torch"
        )
    import torch

    from deblurnets.training.on_device import batches as on_device
    from deblurnets.training.on_device.photographs import DevicePhotographs

    device = "cuda" if torch.cuda.is_available() else "cpu"
    photographs = DevicePhotographs(options.pack, device, samples.shrink)
    estimator = on_device.LatestAnalysis(options.kernels_by) if options.kernels_by else None
    formats = on_device.parse_formats(options.formats) if options.formats else None
    if getattr(options, "cuda_graph", False):  # a graph holds batches of one size
        formats = [on_device.Format(samples.grid, samples.crop, samples.extent, share=1)]
    return lambda first, size: on_device.device_batches(
        options.kind, photographs, samples, options.seed, first, size, estimator, formats
    )


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
    if not getattr(options, "on_device", True) and (options.formats or options.kernels_by):
        parser.error("--formats and --kernels_by come with --on_device")
    if getattr(options, "cuda_graph", False) and options.formats:
        parser.error("--cuda_graph takes batches of one size, that of --crop: leave --formats out")
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
