"""Docstrings are plain text with `code` and indented blocks: what Markdown would take for its own is escaped."""

import re
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


class Plain(griffe.Extension):
    """Escapes every docstring that is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = plain(obj.docstring.value)
