"""Train the compact pair: ``python -m deblurnets.training -h`` lists the commands."""

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
from deblurnets.training.judgements import KERNELS, judge_batches, judge_samples
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
    for name in ("analysis", "synthesis", "judge"):
        command = commands.add_parser(
            name, help=f"train the {name} network; goes on where the run folder's checkpoint ends"
        )
        command.add_argument("pack", type=Path, help="folder written by pack; judge: by judgements")
        command.add_argument("run", type=Path, help="folder for configuration, log, checkpoint")
        command.add_argument("--steps", type=int, default=10_000, help="optimiser steps in all")
        command.add_argument("--batch", type=int, default=8, help="samples per step")
        command.add_argument("--crop", type=int, default=256, help="side of a sample in pixels")
        command.add_argument("--learning_rate", type=float, default=1e-3)
        command.add_argument("--seed", type=int, default=1)
        command.add_argument("--workers", type=int, default=1, help="processes making samples")
        command.add_argument("--dtype", default="mixed_bfloat16", help="Keras policy")
        command.add_argument("--network", default="{}", help="JSON of the network configuration")
        command.add_argument("--samples", default="{}", help="JSON of the sample configuration")
        command.add_argument("--start", type=Path, help="weights file to start from")
    export = commands.add_parser("export", help="write a run's network as a weight file")
    export.add_argument("run", type=Path)
    export.add_argument("weights", type=Path, help="HDF5 file, for instance compact_analysis.h5")
    return parser


def _network(kind: str, settings: str, dtype: str, start: Optional[Path]) -> Any:
    """Build (config, network) of a kind, with the weights of `start` if given."""
    values = {"dtype": dtype, **json.loads(settings)}
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    if kind == "analysis":
        from deblurnets.networks.analysis import AnalysisConfig as Config
        from deblurnets.networks.analysis import build_analysis as build
    elif kind == "synthesis":
        from deblurnets.networks.synthesis import SynthesisConfig as Config
        from deblurnets.networks.synthesis import build_synthesis as build
    else:
        from deblurnets.networks.judge import JudgeConfig as Config
        from deblurnets.networks.judge import build_judge as build
    config = Config(**values)
    network = build(config)
    if start is not None:
        from deblurnets.weights import load_into

        load_into(network, start)
    return config, network


def _samples(settings: str, **defaults: Any) -> SampleConfig:
    """Build a sample configuration from JSON."""
    return SampleConfig.from_values({**defaults, **json.loads(settings)})


def _train(options: argparse.Namespace) -> None:
    from keras.utils import set_random_seed

    from deblurnets.training import loop, losses

    set_random_seed(options.seed)  # the initial weights
    samples = _samples(options.samples, crop=options.crop, start=options.command == "synthesis")
    config, network = _network(options.command, options.network, options.dtype, options.start)
    if options.command == "judge":
        trainer = losses.JudgeTrainer(network, KERNELS)
        example = next(judge_batches(options.pack, options.seed, 0, 1))
    else:
        kinds = {"analysis": losses.AnalysisTrainer, "synthesis": losses.SynthesisTrainer}
        trainer = kinds[options.command](network)
        example = make_batch(Photographs(options.pack), samples, options.seed, 0, 1)
    print(f"{options.command}: {network.count_params():,} parameters", flush=True)
    loop.compile_trainer(trainer, example)
    options.run.mkdir(parents=True, exist_ok=True)
    first = loop.load_checkpoint(trainer, options.run)
    _describe(options, config, samples)
    settings = loop.LoopConfig(steps=options.steps, learning_rate=options.learning_rate)
    if options.command == "judge":
        stream = judge_batches(options.pack, options.seed, first, options.batch)
    else:
        stream = batches(options.pack, samples, options.seed, first, options.batch, options.workers)
    with stop_on_signal() as stop_requested:
        loop.train(trainer, stream, settings, options.run, first, stop_requested)
    stream.close()


def _describe(options: argparse.Namespace, config: Any, samples: SampleConfig) -> None:
    """Write a run's configuration into its folder."""
    description = {
        "kind": options.command,
        "network": dataclasses.asdict(config),
        "samples": dataclasses.asdict(samples),
        "batch": options.batch,
        "seed": options.seed,
        "learning_rate": options.learning_rate,
        "steps": options.steps,
    }
    (options.run / "config.json").write_text(json.dumps(description, indent=2) + "\n")


def export_run(run: Path, path: Path) -> None:
    """Write the network of a run's last checkpoint as a weight file, float16.

    Parameters
    ----------
    run : folder of a training run.
    path : HDF5 file to write or replace.
    """
    from deblurnets.training import loop
    from deblurnets.weights import save_weights

    description = json.loads((run / "config.json").read_text())
    kind = description["kind"]
    config, network = _network(kind, json.dumps(description["network"]), "float32", None)
    step = loop.load_network(network, run)
    save_weights(network, path, f"compact_{kind}", config)
    print(f"{path}: {kind} network after {step} steps, {path.stat().st_size / 1e6:.2f} MB")


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
    elif options.command == "export":
        export_run(options.run, options.weights)
    else:
        _train(options)


if __name__ == "__main__":
    main()
