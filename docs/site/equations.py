"""Equations become MathML when the site is built, so that pages need no script for them."""

import html
import re
from typing import Any
from xml.etree import ElementTree

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

# What arithmatex leaves for a script to find.
INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


def mathml(latex: str, display: str) -> str:
    """MathML of one equation; a command that the converter does not know is an error."""
    found = convert(latex, display=display)
    if unknown := re.search(r"\\[a-zA-Z]+", "".join(ElementTree.fromstring(found).itertext())):
        raise PluginError(f"{unknown[0]} in ${latex}$ does not become MathML")
    return found


def on_page_content(content: str, **_: Any) -> str:
    content = INLINE.sub(lambda found: mathml(html.unescape(found[1]), "inline"), content)
    return BLOCK.sub(
        lambda found: f'<div class="equation">{mathml(html.unescape(found[1]).strip(), "block")}</div>', content
    )
