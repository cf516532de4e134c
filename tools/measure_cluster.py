"""Measure a run on a Ray cluster of this computer: workers, a killed one, an object store.

``python tools/measure_cluster.py --count 200 --workers 2 --kill`` deblurs a folder of small
pictures with a stand-in (or, with ``--networks``, the compact pair), kills a worker in the middle,
and compares every result with that of one process. ``--s3`` has the same pictures deblurred once
more, from and to a server that speaks S3 on this computer (needs moto).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, List

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from deblurnets.batch.pipeline import run_jobs  # noqa: E402
from deblurnets.batch.plan import Naming, plan_run  # noqa: E402
from deblurnets.cli.networks import NetworkOptions, load_deblurrer  # noqa: E402
from deblurnets.distributed import cluster  # noqa: E402
from deblurnets.distributed.places import Folder, open_place  # noqa: E402
from deblurnets.distributed.worker import Task  # noqa: E402


def make_pictures(folder: Path, count: int, side: int) -> None:
    """Write squares of smooth noise as PNG files, 100 a subfolder."""
    coarse = np.random.RandomState(0).randint(0, 256, (count, 6, 6, 3)).astype(np.uint8)
    for number, pixels in enumerate(coarse):
        path = folder / f"{number // 100:03d}" / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).resize((side, side), Image.BICUBIC).save(path)


def loader(options: argparse.Namespace, notes: Path) -> Callable[[], Any]:
    """Return what loads the deblurrer, and leaves a file named after its process."""
    seconds, waits, networks, place = options.seconds, options.wait, options.networks, str(notes)

    def stand_in(pixels: np.ndarray) -> Any:
        """Invert, after having kept a core busy or waited."""
        if waits:
            time.sleep(seconds)
        end = time.process_time() + (0 if waits else seconds)
        while time.process_time() < end:
            pass
        return SimpleNamespace(image=255 - pixels, kernel=np.full((3, 3), 1 / 9))

    def load() -> Any:
        deblur = load_deblurrer(NetworkOptions()) if networks else stand_in
        with open(os.path.join(place, str(os.getpid())), "w"):
            return deblur

    return load


def on_cluster(options: argparse.Namespace, places: str, task: Task, kill: bool = False) -> None:
    """Run and print; kill a worker after a third of the pictures."""
    begin = time.perf_counter()
    records: List[Dict[str, Any]] = []
    moments: List[float] = []
    notes = Path(task.target.root).parent / "notes"
    for record in cluster.records(task, cluster.Workers(options.workers)):
        records.append(record)
        moments.append(time.perf_counter() - begin)
        if kill and len(records) == options.count // 3:
            os.kill(int(min(path.name for path in notes.iterdir())), signal.SIGKILL)
    half = len(moments) // 2
    figures = {
        "places": places,
        "workers": options.workers,
        "killed": int(kill),
        "records": len(records),
        "done": sum(record["status"] == "done" for record in records),
        "twice": len(records) - len({record["source"] for record in records}),
        "seconds": round(moments[-1], 2),
        "until_the_first": round(moments[0], 2),
        "a_picture_second_half": round(
            (moments[-1] - moments[half]) / (len(moments) - 1 - half), 4
        ),
    }
    print(json.dumps(figures), flush=True)


def on_s3(options: argparse.Namespace, task: Task) -> Dict[str, bytes]:
    """Run once more from and to an S3 server; return the results."""
    import s3_server as s3

    with s3.s3_server() as (client, query):
        s3.put_files(client, "in", contents(Path(task.source.root)))
        source, target = (open_place(s3.place(name, query)) for name in ("in", "out"))
        on_cluster(options, "S3", dataclasses.replace(task, source=source, target=target))
        return s3.get_files(client, "out")


def in_one_process(source: Path, target: Path, load: Callable[[], Any]) -> float:
    """Deblur without a cluster; return seconds a picture, loading left out."""
    plan = plan_run(str(source), Naming(str(target), "_deblurred"), recursive=True)
    deblur = load()
    begin = time.perf_counter()
    run_jobs(plan.jobs, deblur, lambda outcome: None)
    return (time.perf_counter() - begin) / len(plan.jobs)


def contents(folder: Path) -> Dict[str, bytes]:
    """Return all files below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="pictures")
    parser.add_argument("--side", type=int, default=64, help="of a picture, in pixels")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.2, help="of the stand-in, a picture")
    parser.add_argument("--wait", action="store_true", help="as if the work were a device's")
    parser.add_argument("--networks", action="store_true", help="the compact pair, no stand-in")
    parser.add_argument("--kill", action="store_true", help="a worker after a third")
    parser.add_argument("--s3", action="store_true", help="the same from and to an S3 server")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = parse_options()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "notes").mkdir()
        make_pictures(work / "in", options.count, options.side)
        load = loader(options, work / "notes")
        task = Task(Folder(str(work / "in")), Folder(str(work / "out")), load)
        cluster.connect("local", cluster.Workers(options.workers))
        on_cluster(options, "folders", task, options.kill)
        results = {"folders": contents(work / "out")}
        if options.s3:
            results["S3"] = on_s3(options, task)
        cluster.leave()
        seconds = in_one_process(work / "in", work / "alone", load)
        print(f"one process: {seconds:.3f} s a picture")
        expected = contents(work / "alone")
        for places, files in results.items():
            print(f"{places}: results equal to those of one process: {files == expected}")


if __name__ == "__main__":
    main()
