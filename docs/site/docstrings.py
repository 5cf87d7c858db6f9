"""Docstrings are plain text with `code` and indented blocks: what Markdown would take for its own is escaped. Comments that
begin with `#:` are the docstrings of what stands below them.
"""

import re
from collections.abc import Sequence
from typing import Any

import griffe

SECTION = re.compile(r"(Args|Arguments|Attributes|Raises|Returns|Yields|Warns|Note|Notes|Examples?):$")
EMPHASIS = re.compile(r"(?<![\w*])\*\w+\*(?![\w*])")
OWN = re.compile(rf"`[^`]*`|{EMPHASIS.pattern}|[*<\[$]")


def escape(prose: str) -> str:
    """`prose` with its stars and brackets escaped; `code` and *emphasis* stay."""
    return OWN.sub(lambda found: "\\" + found[0] if len(found[0]) == 1 else found[0], prose).replace("\\<", "&lt;")


def plain(docstring: str) -> str:
    """Markdown of a docstring: blocks that are indented outside a section are code, the rest is prose."""
    lines, in_section, in_code = [], False, False
    for line in docstring.split("\n"):
        indented = line.startswith("    ")
        if line.strip():
            in_section = bool(SECTION.match(line)) or in_section and indented
            in_code = indented and not in_section
        lines.append(line if in_code else escape(line))
    return "\n".join(lines)


def comment_above(lines: Sequence[str], lineno: int) -> tuple[str, int]:
    """The text of the lines with `#:` right above line `lineno`, "" if there are none, and the line on which it begins."""
    first = lineno
    while first > 1 and lines[first - 2].lstrip().startswith("#:"):
        first -= 1
    return "\n".join(
        line.lstrip().removeprefix("#:").removeprefix(" ") for line in lines[first - 1 : lineno - 1]
    ), first


class Plain(griffe.Extension):
    """Reads the comment above an attribute that has no docstring, and escapes every docstring that is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is None and obj.is_attribute and obj.lineno is not None:
            text, first = comment_above(obj.lines_collection[obj.filepath], obj.lineno)
            if text:
                obj.docstring = griffe.Docstring(text, lineno=first, endlineno=obj.lineno - 1, parent=obj)
        if obj.docstring:
            obj.docstring.value = plain(obj.docstring.value)
