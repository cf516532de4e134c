"""Measure a run on a Ray cluster of this computer: workers, a killed one, lists made ahead.

``python tools/measure_cluster.py --count 200 --workers 2 --kill`` deblurs a folder of small
pictures with a stand-in (or, with ``--networks``, the compact pair), kills a worker in the middle,
and compares every result with that of one process. ``--pictures FOLDER`` takes parts of
photographs, shaken at random; ``--s3`` has the same pictures deblurred once more, from and to a
server that speaks S3 on this computer (needs moto).
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
from typing import Any, Callable, Dict, Iterator, List, Optional

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
sys.path.insert(0, str(ROOT))

from deblurnets.batch.pipeline import run_jobs  # noqa: E402
from deblurnets.batch.plan import Naming, plan_run  # noqa: E402
from deblurnets.cli import main as cli  # noqa: E402
from deblurnets.distributed import cluster  # noqa: E402
from deblurnets.distributed.places import Folder, open_place  # noqa: E402
from deblurnets.distributed.worker import Task  # noqa: E402
from deblurnets.training.photographs import Photographs, pack_photographs  # noqa: E402
from deblurnets.training.samples import SampleConfig, draw_sample  # noqa: E402


def noise_pictures(count: int, side: int) -> Iterator[np.ndarray]:
    """Yield squares of smooth noise, uint8 RGB."""
    coarse = np.random.RandomState(0).randint(0, 256, (count, 6, 6, 3)).astype(np.uint8)
    for pixels in coarse:
        yield np.asarray(Image.fromarray(pixels).resize((side, side), Image.BICUBIC))


def shaken_pictures(photographs: Path, count: int, side: int, work: Path) -> Iterator[np.ndarray]:
    """Yield parts of photographs of a folder, shaken by 3 to 21 pixels, uint8 RGB."""
    pack_photographs(photographs, work / "pack", limit=100)
    pack = Photographs(work / "pack")
    config = SampleConfig(crop=side, grid=25, extent=(3, 21))
    for number in range(count):
        yield draw_sample(pack, config, 1, number)["blurry"]


def write_pictures(folder: Path, pictures: Iterator[np.ndarray]) -> None:
    """Write PNG files, 100 a subfolder."""
    for number, pixels in enumerate(pictures):
        path = folder / f"{number // 100:03d}" / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def stand_in(seconds: float, waits: bool) -> Callable[[], Any]:
    """Return a loader of a deblurrer that inverts, after having kept a core busy or waited."""

    def load() -> Any:
        def deblur(pixels: np.ndarray) -> Any:
            if waits:
                time.sleep(seconds)
            end = time.process_time() + (0 if waits else seconds)
            while time.process_time() < end:
                pass
            return SimpleNamespace(image=255 - pixels, kernel=np.full((3, 3), 1 / 9))

        return deblur

    return load


def networks() -> Any:
    """Load the compact pair."""
    return cli.load_deblurrer(cli.build_parser().parse_args(["-i", "x"]))


def noting(load: Callable[[], Any], folder: Path) -> Callable[[], Any]:
    """Return a loader that leaves a file named after its process."""
    place = str(folder)

    def load_and_note() -> Any:
        deblur = load()
        with open(os.path.join(place, str(os.getpid())), "w"):
            return deblur

    return load_and_note


def on_cluster(
    task: Task, workers: cluster.Workers, kill_at: int = 0, notes: Optional[Path] = None
) -> List[Any]:
    """Run; return the records and the moments of their arrival. Kill a worker at one of them."""
    made = []
    for record in cluster.records(task, workers):
        made.append((record, time.perf_counter()))
        if len(made) == kill_at:
            victim = int(sorted(os.listdir(notes))[0])
            os.kill(victim, signal.SIGKILL)
            print(f"killed worker {victim} after {kill_at} pictures", flush=True)
    return made


def in_one_process(source: Path, target: Path, load: Callable[[], Any]) -> float:
    """Deblur without a cluster; return seconds a picture, loading left out."""
    plan = plan_run(str(source), Naming(str(target), "_deblurred"), recursive=True)
    deblur = load()
    begin = time.perf_counter()
    run_jobs(plan.jobs, deblur, lambda outcome: None)
    return (time.perf_counter() - begin) / len(plan.jobs)


def files(folder: Path) -> Dict[str, bytes]:
    """Return all files below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def on_s3(options: argparse.Namespace, sources: Dict[str, bytes], task: Task) -> Dict[str, bytes]:
    """Run once more from and to an S3 server; return the results."""
    sys.path.insert(0, str(TESTS))
    import s3_server as s3

    with s3.s3_server() as (client, query):
        s3.put_files(client, "in", sources)
        source, target = (open_place(s3.place(name, query)) for name in ("in", "out"))
        again = dataclasses.replace(task, source=source, target=target)
        begin = time.perf_counter()
        report(options, "S3", begin, on_cluster(again, cluster.Workers(options.workers)))
        return s3.get_files(client, "out")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="pictures")
    parser.add_argument("--side", type=int, default=64, help="of a picture, in pixels")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.2, help="of the stand-in, a picture")
    parser.add_argument("--wait", action="store_true", help="as if the work were a device's")
    parser.add_argument("--networks", action="store_true", help="the compact pair, no stand-in")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="photographs to shake")
    parser.add_argument("--kill", action="store_true", help="a worker after a third")
    parser.add_argument("--s3", action="store_true", help="the same from and to an S3 server")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = parse_options()
    load = networks if options.networks else stand_in(options.seconds, options.wait)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "notes").mkdir()
        if options.pictures:
            pictures = shaken_pictures(options.pictures, options.count, options.side, work)
        else:
            pictures = noise_pictures(options.count, options.side)
        write_pictures(work / "in", pictures)
        workers = cluster.Workers(options.workers)
        cluster.connect("local", workers)
        task = Task(
            Folder(str(work / "in")), Folder(str(work / "out")), noting(load, work / "notes")
        )
        begin = time.perf_counter()
        kill_at = options.count // 3 if options.kill else 0
        report(options, "folders", begin, on_cluster(task, workers, kill_at, work / "notes"))
        results = files(work / "out")
        if options.s3:
            same = on_s3(options, files(work / "in"), task) == results
            print(f"results on S3 equal to those in folders, byte by byte: {same}", flush=True)
        cluster.leave()
        single = in_one_process(work / "in", work / "alone", load)
        print(f"one process: {single:.3f} s a picture")
        same = results == files(work / "alone")
        print(f"results equal to those of one process, byte by byte: {same}")


def report(options: argparse.Namespace, places: str, begin: float, made: List[Any]) -> None:
    """Print times and whether every picture is there once."""
    records = [record for record, _ in made]
    moments = [moment for _, moment in made]
    half = len(made) // 2
    steady = (moments[-1] - moments[half]) / max(len(made) - 1 - half, 1)
    sources = [record["source"] for record in records]
    print(
        json.dumps(
            {
                "places": places,
                "workers": options.workers,
                "records": len(records),
                "done": sum(record["status"] == "done" for record in records),
                "twice": len(sources) - len(set(sources)),
                "seconds": round(moments[-1] - begin, 2),
                "until_the_first": round(moments[0] - begin, 2),
                "a_picture_second_half": round(steady, 4),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
