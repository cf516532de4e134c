"""Train networks: ``python -m deblurnets.training -h`` lists the commands."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any, Callable, Generator, Iterator, Optional, Sequence

from deblurnets.interrupts import StopRequest
from deblurnets.training.estimates import estimate_samples
from deblurnets.training.judgements import JUDGED, judge_batches, judge_samples
from deblurnets.training.kernel_sheet import write_kernel_sheet
from deblurnets.training.kinds import (
    COMPACT,
    PAPER,
    build_network,
    build_trainer,
    export_weights,
    sample_defaults,
)
from deblurnets.training.photographs import pack_photographs
from deblurnets.training.samples import SampleConfig
from deblurnets.training.stream import batches


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deblurnets.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    pack = commands.add_parser("pack", help="decode photographs once, for the workers to map")
    pack.add_argument("photographs", type=Path)
    pack.add_argument("pack", type=Path)
    pack.add_argument("--limit", type=int, default=0, help="at most so many photographs")
    estimates = commands.add_parser("estimates", help="estimate samples' kernels, for training")
    estimates.add_argument("pack", type=Path)
    estimates.add_argument("estimates", type=Path, help="folder to write or to go on with")
    judgements = commands.add_parser(
        "judgements", help="let the tool search samples' kernels, for a judge to learn from"
    )
    judgements.add_argument("pack", type=Path)
    judgements.add_argument("judgements", type=Path, help="folder to write or to go on with")
    for command in (estimates, judgements):
        command.add_argument("--count", type=int, default=4000, help="samples in all")
        command.add_argument("--seed", type=int, default=1)
        command.add_argument("--workers", type=int, default=1, help="processes")
        command.add_argument("--samples", default="{}", help="JSON of the sample configuration")
    kernels = commands.add_parser("kernels", help="draw random kernels on a contact sheet")
    kernels.add_argument("sheet", type=Path, help="picture to write or replace")
    kernels.add_argument("--count", type=int, default=64, help="kernels")
    kernels.add_argument("--seed", type=int, default=1)
    kernels.add_argument("--samples", default="{}", help="JSON of the sample configuration")
    for name in COMPACT:
        command = commands.add_parser(
            name, help=f"train the {name} network; goes on where the run folder's checkpoint ends"
        )
        _add_training(command)
        command.add_argument("--dtype", default="mixed_bfloat16", help="Keras policy")
        if name == "judge":
            command.set_defaults(on_device=False, formats=None, kernels_by=None)
        else:
            _add_on_device(command)
        if name == "analysis":
            command.add_argument(
                "--captured",
                action="store_true",
                help="with --on_device: play each step back as one CUDA graph, several times as "
                "fast; batches of one size, no exact resume",
            )
        command.set_defaults(kind=name)
    paper = commands.add_parser("paper", help="train one of the paper's own networks, likewise")
    halves = {name.split("_")[1]: name for name in PAPER}
    paper.add_argument("half", choices=tuple(halves))
    _add_training(paper)
    paper.set_defaults(dtype="float32", halves=halves)
    paper.set_defaults(on_device=False, formats=None, kernels_by=None)
    export = commands.add_parser("export", help="write a run's network as a weight file")
    export.add_argument("run", type=Path)
    export.add_argument("weights", type=Path, help="HDF5 file, for instance compact_analysis.h5")
    return parser


def _add_training(command: argparse.ArgumentParser) -> None:
    """Add what the training of every network takes."""
    command.add_argument("pack", type=Path, help="folder written by pack; judge: by judgements")
    command.add_argument("run", type=Path, help="folder for configuration, log, checkpoint")
    command.add_argument("--steps", type=int, default=10_000, help="optimiser steps in all")
    command.add_argument("--seconds", type=float, default=0, help="length of the run instead")
    command.add_argument("--batch", type=int, default=8, help="samples per step")
    command.add_argument("--crop", type=int, default=256, help="side of a sample in pixels")
    command.add_argument("--learning_rate", type=float, default=1e-3)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--workers", type=int, default=1, help="processes making samples")
    command.add_argument("--network", default="{}", help="JSON of the network configuration")
    command.add_argument("--samples", default="{}", help="JSON of the sample configuration")
    command.add_argument("--start", type=Path, help="weights file to start from")


def _add_on_device(command: argparse.ArgumentParser) -> None:
    """Add what samples made on the training device take."""
    command.add_argument(
        "--on_device",
        action="store_true",
        help="make the samples where the network trains, for GPUs; needs KERAS_BACKEND=torch",
    )
    command.add_argument(
        "--formats",
        metavar="JSON",
        help="with --on_device, in the place of --crop: list of sizes of batches, see "
        "deblurnets.training.on_device.batches.Format",
    )
    command.add_argument(
        "--kernels_by",
        type=Path,
        metavar="RUN",
        help="with --on_device: an analysis run, which may go on, whose network estimates the "
        "kernels to synthesise with",
    )


def _samples(settings: str, **defaults: Any) -> SampleConfig:
    """Build a sample configuration from JSON."""
    return SampleConfig.from_values({**defaults, **json.loads(settings)})


def _train(options: argparse.Namespace) -> None:
    from keras.utils import set_random_seed

    from deblurnets.training import loop

    set_random_seed(options.seed)  # the initial weights
    if getattr(options, "captured", False):
        return _train_captured(options)
    config, network = build_network(options.kind, options.network, options.dtype, options.start)
    defaults = sample_defaults(options.kind, config)
    samples = _samples(options.samples, crop=options.crop, **defaults)
    trainer = build_trainer(options.kind, network)
    print(f"{options.kind}: {network.count_params():,} parameters", flush=True)
    stream_from = _streams(options, samples)
    example = stream_from(0, 1)
    loop.compile_trainer(trainer, next(example))
    example.close()
    options.run.mkdir(parents=True, exist_ok=True)
    first, seconds = loop.load_checkpoint(trainer, options.run)
    _describe(options, config, samples)
    stream = stream_from(first, options.batch)
    with stop_on_signal() as stop_requested:
        settings = _loop_config(options)
        loop.train(trainer, stream, settings, options.run, first, stop_requested, seconds)
    stream.close()


def _train_captured(options: argparse.Namespace) -> None:
    """As `_train`, an analysis network by CUDA graphs."""
    from deblurnets.training.loop import CHECKPOINT

    if not options.on_device:
        raise SystemExit("--captured needs samples made on the device: add --on_device")
    if (options.run / CHECKPOINT).exists():
        raise SystemExit(
            f"{options.run} holds a run, and captured runs are not resumed: name another folder, "
            "and begin with its exported weights (--start) to go on from there"
        )
    config, network = build_network(options.kind, options.network, start=options.start)
    samples = _samples(options.samples, crop=options.crop, **sample_defaults(options.kind, config))
    stream = _streams(options, samples)(0, options.batch)
    import torch

    from deblurnets.training.on_device.captured import train_captured
    from deblurnets.training.on_device.twin import AnalysisTwin

    on_gpu = torch.cuda.is_available()
    half = options.dtype == "mixed_bfloat16"
    twin = AnalysisTwin(network, options.crop, half, fuse=on_gpu).to("cuda" if on_gpu else "cpu")
    options.run.mkdir(parents=True, exist_ok=True)
    _describe(options, config, samples)
    with stop_on_signal() as stop_requested:
        train_captured(twin, stream, _loop_config(options), options.run, stop_requested)


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
    if options.kind == "judge":
        return lambda first, size: judge_batches(
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
    if getattr(options, "captured", False):  # a graph holds batches of one size
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
    }
    (options.run / "config.json").write_text(json.dumps(description, indent=2) + "\n")


def export_run(run: Path, path: Path) -> None:
    """Write the network of a run's last checkpoint as a weight file, and a model card beside it.

    Parameters
    ----------
    run : folder of a training run.
    path : HDF5 file to write or replace; the card, `NAME.md`, is not replaced.
    """
    from deblurnets.training import loop
    from deblurnets.training.card import write_card

    description = json.loads((run / "config.json").read_text())
    kind = description["kind"]
    settings = {k: v for k, v in description["network"].items() if k != "dtype"}
    config, network = build_network(kind, json.dumps(settings))
    step = loop.load_network(network, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    export_weights(kind, network, path, config)
    print(f"{path}: {kind} network after {step} steps, {path.stat().st_size / 1e6:.2f} MB")
    print(f"{write_card(path, description, step, network)}: its model card, to be completed")


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C and SIGTERM into a question, "was a stop asked for?", until the block's end."""
    with StopRequest(lambda: print("stopping with a checkpoint", flush=True)) as request:
        yield lambda: request.wanted


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run one command."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not getattr(options, "on_device", True) and (options.formats or options.kernels_by):
        parser.error("--formats and --kernels_by come with --on_device")
    if getattr(options, "captured", False) and options.formats:
        parser.error("--captured takes batches of one size, that of --crop: leave --formats out")
    if options.command == "paper":
        options.kind = options.halves[options.half]
    if options.command == "pack":
        number = pack_photographs(options.photographs, options.pack, options.limit)
        print(f"packed {number} photographs into {options.pack}")
    elif options.command == "estimates":
        samples = _samples(options.samples)
        estimate_samples(
            options.pack, options.estimates, samples, options.seed, options.count, options.workers
        )
    elif options.command == "judgements":
        samples = _samples(options.samples, **JUDGED)
        judge_samples(
            options.pack, options.judgements, samples, options.seed, options.count, options.workers
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
