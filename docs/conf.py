"""The documentation site: ``python -m sphinx -W docs build/html`` builds it, without a network.

Pages of the reference and of the command line, and the tables of the benchmarks, are made from the package by the
modules of `_ext`. The gallery's scripts are run. What is made beside the sources is left out of git.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "docs" / "_ext"), str(ROOT)]
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from propmat import __version__  # noqa: E402, of this checkout

project, author, copyright = "propmat", "The propmat developers", "the propmat developers, MIT licence"
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "public_names",
    "command_line",
    "mathml",
    "results",
]
exclude_patterns = ["_ext", "_generated", "gallery", "auto_gallery/*.md5", "**/sg_execution_times.rst"]

# Markdown
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

highlight_options = {"python": {"stripnl": True}, "pycon": {"stripnl": True}}  # the line that ends an example

# Docstrings
default_role = "py:obj"
add_module_names = False
autodoc_typehints = "none"  # numpydoc's sections have the types
autodoc_member_order = "bysource"
maximum_signature_line_length = 88
numpydoc_show_class_members = numpydoc_class_members_toctree = False
numpydoc_attributes_as_param_list = True
toc_object_entries_show_parents = "hide"

# Gallery
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "gallery_order.Order",
    "reset_modules": ("matplotlib", "gallery_style.reset"),
    "reference_url": {"propmat": None},
    "doc_module": ("propmat",),
    "backreferences_dir": "_generated/backreferences",
    "abort_on_example_error": True,
    "run_stale_examples": True,
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "write_computation_times": False,
    "thumbnail_size": (400, 280),
}

# Pages
html_theme = "furo"
html_title = "propmat"
html_favicon = "../propmat/studio/page/icon.svg"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["propmat.css"]
html_copy_source = html_show_sourcelink = html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b6b4a", "color-brand-content": "#0b6b4a"},
    "dark_css_variables": {"color-brand-primary": "#5fd0a5", "color-brand-content": "#5fd0a5"},
}
