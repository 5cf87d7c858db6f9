"""Tables of all registered parts, in place of a mark in the page: what `dsm list` prints of each kind."""

from typing import Any

from docstrings import escape

MARK = "<!-- all parts by name -->"


def cell(text: str) -> str:
    return text.replace("|", "&#124;")


def on_page_markdown(markdown: str, **_: Any) -> str:
    if MARK not in markdown:
        return markdown
    from dsm._kinds import KINDS, summary_of

    lines = []
    for word, kind in KINDS.items():
        lines += ["", f"## {word}", "", f"{kind.about.capitalize()}."]
        for place in kind.places:
            lines += ["", f"`{place.how}`", "", "| name | what it is | options |", "|---|---|---|"]
            parts = place.parts()
            for name in parts.names:
                part = parts.get(name)
                own = ", ".join(f"`{cell(option)}`" for option in place.options(part))
                lines.append(f"| `{name}` | {cell(escape(summary_of(part)))} | {own} |")
    return markdown.replace(MARK, "\n".join(lines))
