"""Sphinx configuration: `python3 tasks.py docs`. The pages are Markdown and read as well in any other viewer."""

from importlib import metadata

project = "eventready"
author = "The eventready maintainers"
try:
    release = metadata.version("eventready")
except metadata.PackageNotFoundError:  # the pages can be built without the package
    release = ""

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["decisions/README.md"]
nitpicky = True
html_theme = "alabaster"
html_theme_options = {"description": "stations of an event-ready entanglement link", "page_width": "1100px"}
