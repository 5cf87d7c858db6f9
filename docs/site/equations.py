"""Equations become MathML when the site is built, so that pages need no script for them; a font for them comes with it."""

import html
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from fontTools import subset
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

# What arithmatex leaves for a script to find.
INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)

#: STIX Two Math, which ziamath has; browsers find no font for equations on many machines.
FONT = Path(find_spec("ziamath").origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"  # it need not be imported
#: What a browser shows and no equation has as text: italic letters, Latin and Greek, of variables, and the sign of a root.
UNWRITTEN = {*range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C), 0x210E, 0x221A}
#: Functions, which need space around them, and a relation that the converter takes for a tilde.
FUNCTION = re.compile(r"<mi>(arcsin|cosh|erfc?|exp|ln|sgn|tanh)</mi>")
TILDE = "<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>"

characters: set[int] = set()


def mathml(latex: str, display: str) -> str:
    """MathML of one equation; a command that the converter does not know is an error."""
    found = convert(latex, display=display).replace(*TILDE)
    found = FUNCTION.sub(r'<mo lspace="0.15em" rspace="0.1em">\1</mo>', found)
    text = "".join(ElementTree.fromstring(found).itertext())
    if unknown := re.search(r"\\[a-zA-Z]+", text):
        raise PluginError(f"{unknown[0]} in ${latex}$ does not become MathML")
    characters.update(map(ord, text))
    return found


def on_page_content(content: str, **_: Any) -> str:
    content = INLINE.sub(lambda found: mathml(html.unescape(found[1]), "inline"), content)
    return BLOCK.sub(
        lambda found: f'<div class="equation">{mathml(html.unescape(found[1]).strip(), "block")}</div>', content
    )


def on_post_build(config: MkDocsConfig) -> None:
    """The font with the characters that equations have, and the larger brackets and roots that belong to them."""
    options = subset.Options(flavor="woff", name_IDs=["*"], layout_features=["math", "ssty"])
    font = subset.load_font(str(FONT), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters | UNWRITTEN)
    subsetter.subset(font)
    subset.save_font(font, str(Path(config.site_dir) / "site" / "equations.woff"), options)
