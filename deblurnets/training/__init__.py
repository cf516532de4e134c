"""Training of the compact pair: ``python -m deblurnets.training --help``."""
