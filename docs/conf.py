"""Sphinx configuration: `sphinx-build -W docs build/docs` makes the site."""

import os
import sys

sys.path.insert(0, os.path.abspath(".."))

import deblurnets

project = "deblurnets"
author = "The deblurnets authors"
release = deblurnets.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"deblurnets {release}"
nitpicky = False

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say shapes and ranges as well
napoleon_google_docstring = False
