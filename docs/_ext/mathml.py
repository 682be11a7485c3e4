"""Formulas as MathML, which browsers show by themselves: Sphinx's own ways load MathJax from a host, or need TeX."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

# docutils knows brackets of a size by the side on which they stand alone; browsers stretch brackets by themselves.
BIG = re.compile(r"\\[Bb]ig(?![A-Za-z])")


def mathml(formula: str, *, block: bool) -> str:
    """Presentation MathML of a formula in LaTeX."""
    text: str = latex2mathml.tex2mathml(BIG.sub("", formula), as_block=block)
    return text


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(mathml(node.astext(), block=False))
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(f'<div class="formula">{mathml(node.astext(), block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
