"""Packaging. The weights in ``models/`` are installed as ``deblurnets/models``."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def requirements():
    """Read the current requirements; they hold where they exist, from Python 3.10 on.

    The environments of Python 3.7 and 3.8 are pinned in the ``requirements_tf_*.txt`` files.
    """
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = [line.split("#")[0].strip() for line in lines]
    return [name + '; python_version >= "3.10"' for name in names if name]


def version():
    """Read the version from the package without importing it."""
    text = (ROOT / "deblurnets" / "__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"', text, re.M).group(1)


setup(
    name="deblurnets",
    version=version(),
    description="Blind deblurring of camera-shake photographs with a pair of networks",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The deblurnets authors",
    license="MIT",
    python_requires=">=3.7",
    packages=[*find_packages(include=["deblurnets", "deblurnets.*"]), "deblurnets.models"],
    package_dir={"deblurnets.models": "models"},
    package_data={
        "deblurnets": ["py.typed"],
        "deblurnets.gallery": ["assets/*"],
        "deblurnets.models": ["compact_*.h5", "*.md", "*.json"],
    },
    install_requires=requirements(),
    extras_require={
        "docs": ["sphinx>=7", "myst-parser>=3", "furo"],
        "shell": ["argcomplete>=3", "argparse-manpage>=4"],
        "ray": ["ray[data]>=2.51"],
    },
    entry_points={"console_scripts": ["deblurnets = deblurnets.cli.main:main"]},
)
