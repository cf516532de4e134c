"""Deblur on the workers of a Ray cluster: ``python -m deblurnets.distributed -h``."""
