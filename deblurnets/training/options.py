"""What ``python -m deblurnets.training`` takes."""

from __future__ import annotations

import argparse
from pathlib import Path

from deblurnets.training.kinds import COMPACT, HALVES, KERNEL_WEIGHTS, PAPER


def build_parser(description: str) -> argparse.ArgumentParser:
    """Return the parser; for a training, `kind` of its namespace is one of `kinds`."""
    parser = argparse.ArgumentParser(prog="python -m deblurnets.training", description=description)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_sample_commands(commands)
    for name in COMPACT:
        _add_compact(commands, name)
    paper = commands.add_parser("paper", help="train the paper's own networks, likewise")
    paper_kinds = {name.split("_")[1]: name for name in PAPER}
    networks = paper.add_subparsers(dest="half", required=True)
    for half, kind in paper_kinds.items():
        command = networks.add_parser(half)
        _add_training(command, kind)
        command.set_defaults(dtype="float32")
    export = commands.add_parser("export", help="write a run's network as a weight file")
    export.add_argument("run", type=Path)
    export.add_argument(
        "weights",
        type=Path,
        nargs="+",
        help="HDF5 file, for instance compact_analysis.h5; of a pair two, the analysis first",
    )
    return parser


def _add_sample_commands(commands: argparse._SubParsersAction) -> None:
    """Add the commands that make and show samples."""
    pack = commands.add_parser("pack", help="decode photographs once, for the workers to map")
    pack.add_argument("photographs", type=Path)
    pack.add_argument("pack", type=Path)
    pack.add_argument("--limit", type=int, default=0, help="at most so many photographs")
    estimates = commands.add_parser("estimates", help="estimate samples' kernels, for training")
    estimates.add_argument("pack", type=Path)
    estimates.add_argument("estimates", type=Path, help="folder to write or to go on with")
    quality_samples = commands.add_parser(
        "quality_samples",
        help="keep results of the tool's own search, to train the quality network",
    )
    quality_samples.add_argument("pack", type=Path)
    quality_samples.add_argument("folder", type=Path, help="folder to write or to go on with")
    for command in (estimates, quality_samples):
        command.add_argument("--count", type=int, default=4000, help="samples in all")
        command.add_argument("--seed", type=int, default=1)
        command.add_argument("--workers", type=int, default=1, help="processes")
        command.add_argument("--samples", default="{}", help="JSON of the sample configuration")
    kernels = commands.add_parser("kernels", help="draw random kernels on a contact sheet")
    kernels.add_argument("sheet", type=Path, help="picture to write or replace")
    kernels.add_argument("--count", type=int, default=64, help="kernels")
    kernels.add_argument("--seed", type=int, default=1)
    kernels.add_argument("--samples", default="{}", help="JSON of the sample configuration")


def _add_compact(commands: argparse._SubParsersAction, kind: str) -> None:
    """Add the training of a compact network, or of the pair."""
    what = "both networks end to end" if kind in HALVES else f"the {kind} network"
    command = commands.add_parser(
        kind, help=f"train {what}; goes on where the run folder's checkpoint ends"
    )
    _add_training(command, kind)
    command.add_argument("--dtype", default="mixed_bfloat16", help="Keras policy")
    if kind == "analysis":
        command.add_argument(
            "--cuda_graph",
            action="store_true",
            help="play each step back as one CUDA graph, several times as fast on a GPU; needs "
            "KERAS_BACKEND=torch; no exact resume",
        )
    elif kind == "synthesis":
        command.add_argument(
            "--on_device",
            action="store_true",
            help="deconvolve where the network trains, not where samples are made; for GPUs",
        )
        command.add_argument(
            "--kernels_by",
            type=Path,
            metavar="RUN",
            help="with --on_device: an analysis run, which may go on, whose network estimates the "
            "kernels to synthesise with",
        )


def _add_training(command: argparse.ArgumentParser, kind: str) -> None:
    """Add what the training of every network takes."""
    command.set_defaults(kind=kind, cuda_graph=False, on_device=False, kernels_by=None)
    command.add_argument(
        "pack", type=Path, help="folder written by pack; quality: by quality_samples"
    )
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
    command.add_argument(
        "--devices",
        metavar="N",
        help="split each batch over so many devices of this computer, or over 'all'; on JAX",
    )
    if kind in HALVES:
        command.add_argument("--analysis", type=Path, help="weights file to start from")
        command.add_argument("--synthesis", type=Path, help="weights file to start from")
        command.add_argument(
            "--kernel_weight",
            type=float,
            default=KERNEL_WEIGHTS[kind],
            help="weight of the kernel's loss beside the picture's",
        )
    else:
        command.add_argument("--start", type=Path, help="weights file to start from")
