"""Train networks: ``python -m deblurnets.training -h`` lists the commands."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import signal
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Sequence

from deblurnets.training.estimates import estimate_samples
from deblurnets.training.judgements import judge_batches, judge_samples
from deblurnets.training.kernel_sheet import write_kernel_sheet
from deblurnets.training.kinds import (
    COMPACT,
    PAPER,
    build_network,
    build_trainer,
    export_weights,
    sample_defaults,
)
from deblurnets.training.photographs import Photographs, pack_photographs
from deblurnets.training.samples import SampleConfig
from deblurnets.training.stream import batches, make_batch


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
    estimates.add_argument("--count", type=int, default=4000, help="samples in all")
    estimates.add_argument("--seed", type=int, default=1)
    estimates.add_argument("--workers", type=int, default=1, help="processes")
    estimates.add_argument("--samples", default="{}", help="JSON of the sample configuration")
    judgements = commands.add_parser("judgements", help="make what a judge learns from")
    judgements.add_argument("pack", type=Path)
    judgements.add_argument("estimates", type=Path, help="folder of the estimates command")
    judgements.add_argument("judgements", type=Path, help="folder to write or to go on with")
    judgements.add_argument("--workers", type=int, default=1, help="processes")
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
        command.set_defaults(kind=name)
    paper = commands.add_parser("paper", help="train one of the paper's own networks, likewise")
    halves = {name.split("_")[1]: name for name in PAPER}
    paper.add_argument("half", choices=tuple(halves))
    _add_training(paper)
    paper.set_defaults(dtype="float32", halves=halves)
    export = commands.add_parser("export", help="write a run's network as a weight file")
    export.add_argument("run", type=Path)
    export.add_argument("weights", type=Path, help="HDF5 file, for instance compact_analysis.h5")
    return parser


def _add_training(command: argparse.ArgumentParser) -> None:
    """Add what the training of every network takes."""
    command.add_argument("pack", type=Path, help="folder written by pack; judge: by judgements")
    command.add_argument("run", type=Path, help="folder for configuration, log, checkpoint")
    command.add_argument("--steps", type=int, default=10_000, help="optimiser steps in all")
    command.add_argument("--batch", type=int, default=8, help="samples per step")
    command.add_argument("--crop", type=int, default=256, help="side of a sample in pixels")
    command.add_argument("--learning_rate", type=float, default=1e-3)
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--workers", type=int, default=1, help="processes making samples")
    command.add_argument("--network", default="{}", help="JSON of the network configuration")
    command.add_argument("--samples", default="{}", help="JSON of the sample configuration")
    command.add_argument("--start", type=Path, help="weights file to start from")


def _samples(settings: str, **defaults: Any) -> SampleConfig:
    """Build a sample configuration from JSON."""
    return SampleConfig.from_values({**defaults, **json.loads(settings)})


def _train(options: argparse.Namespace) -> None:
    from keras.utils import set_random_seed

    from deblurnets.training import loop

    set_random_seed(options.seed)  # the initial weights
    config, network = build_network(options.kind, options.network, options.dtype, options.start)
    defaults = sample_defaults(options.kind, config)
    samples = _samples(options.samples, crop=options.crop, **defaults)
    trainer = build_trainer(options.kind, network)
    if options.kind == "judge":
        example = next(judge_batches(options.pack, options.seed, 0, 1))
    else:
        example = make_batch(Photographs(options.pack), samples, options.seed, 0, 1)
    print(f"{options.kind}: {network.count_params():,} parameters", flush=True)
    loop.compile_trainer(trainer, example)
    options.run.mkdir(parents=True, exist_ok=True)
    first = loop.load_checkpoint(trainer, options.run)
    _describe(options, config, samples)
    settings = loop.LoopConfig(steps=options.steps, learning_rate=options.learning_rate)
    if options.kind == "judge":
        stream = judge_batches(options.pack, options.seed, first, options.batch)
    else:
        stream = batches(options.pack, samples, options.seed, first, options.batch, options.workers)
    with stop_on_signal() as stop_requested:
        loop.train(trainer, stream, settings, options.run, first, stop_requested)
    stream.close()


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
    asked = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: asked.set()) for number in signals]
    try:
        yield asked.is_set
    finally:
        for number, handler in zip(signals, before):
            signal.signal(number, handler)


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run one command."""
    options = _parser().parse_args(arguments)
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
        judge_samples(options.pack, options.estimates, options.judgements, options.workers)
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
