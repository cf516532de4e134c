"""Scores and benchmarks: ``python -m deblurnets.evaluation --help``."""
