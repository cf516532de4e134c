"""The model card of an exported network, in the form of ``models/README.md``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

_CARD = """# {name}

| file | network | parameters | stored |
|---|---|---|---|
| `{name}` | {kind}, configuration {network} | {parameters:,} | {stored} |

**Purpose.** TO WRITE: what it is for, and what not.

**Data.** TO WRITE: photographs, their sources and licences; that no picture of a test is among
them. Samples: {samples}

**Training.** {steps} steps of {batch} samples, learning rate {learning_rate}, seed {seed}, Keras
on {backend}.

**Figures.** TO WRITE: the command that measures it and what it printed.

**Licence.** TO WRITE.
"""


def write_card(path: Path, description: Dict[str, Any], step: int, network: Any) -> Path:
    """Write what is known of a network beside its weights; what only people know is left open.

    Parameters
    ----------
    path : Path
        The weight file; the card is `NAME.md` beside it.
    description : dict
        The run's ``config.json``.
    step : int
        Steps that were trained.
    network : keras.Model
        The network.

    Returns
    -------
    Path
        The card. One that exists is left as it is: somebody may have written in it.
    """
    card = path.with_suffix(".md")
    if card.exists():
        return card
    text = _CARD.format(
        name=path.name,
        kind=description["kind"],
        network=f"`{json.dumps(description['network'])}`",
        parameters=network.count_params(),
        stored="float32" if description["kind"].startswith("paper") else "float16",
        samples=f"`{json.dumps(description['samples'])}`",
        steps=step,
        batch=description["batch"],
        learning_rate=description["learning_rate"],
        seed=description["seed"],
        backend=description.get("backend", "an unknown backend"),
    )
    card.write_text(text, encoding="utf-8")
    return card
