"""How Sphinx builds the documentation: Markdown pages, and the API from its docstrings."""

import importlib.metadata

project = "ruis"
release = version = importlib.metadata.version("ruis")
copyright = "the ruis developers; Apache-2.0"
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Removes noise from images, and learns to remove yours."}
myst_heading_anchors = 3
autosummary_generate = False
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
# The flow charts are drawn by whoever shows Markdown with Mermaid; here they stay text.
suppress_warnings = ["misc.highlighting_failure", "myst.xref_missing"]
