"""A share of a run, so that several computers work on one folder without knowing each other."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Tuple

from deblurnets.batch.plan import Job, Plan


@dataclass(frozen=True)
class Shard:
    """One of equal shares.

    Attributes
    ----------
    number : int
        Which one, 1..count.
    count : int
        How many there are.
    """

    number: int
    count: int


def parse_shard(text: str) -> Shard:
    """Read "i/n".

    Raises
    ------
    ValueError
        If it is not two whole numbers with 1 <= i <= n.
    """
    match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    shard = Shard(int(match.group(1)), int(match.group(2))) if match else None
    if shard is None or not 1 <= shard.number <= shard.count:
        raise ValueError(f"expected I/N with I from 1 to N, for instance 2/8, received '{text}'")
    return shard


def take_shard(plan: Plan, shard: Shard) -> Plan:
    """Keep a plan's share: of all its pictures in order, every n-th from the i-th on.

    The shares differ by one picture at most, and neighbours, often alike in size, go to different
    ones. All shares must see the same pictures, so those whose result exists count too.

    Parameters
    ----------
    plan : Plan
        Of the whole run.
    shard : Shard
        Which share.

    Returns
    -------
    Plan
        Jobs and skipped jobs of the share; folders that could not be listed stay with each.
    """
    everything = sorted((*plan.jobs, *plan.skipped), key=_place)
    share = set(everything[shard.number - 1 :: shard.count])

    def kept(jobs: Tuple[Job, ...]) -> Tuple[Job, ...]:
        return tuple(job for job in jobs if job in share)

    return replace(plan, jobs=kept(plan.jobs), skipped=kept(plan.skipped))


def _place(job: Job) -> Tuple[str, ...]:
    return PurePath(job.source).parts
