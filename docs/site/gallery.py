"""The gallery: a card for each experiment, made of its README, in place of a mark in the page."""

import html
import re
from pathlib import Path
from typing import Any

from pages import EXPERIMENTS, GROUPS, OTHERS, group_of

MARK = "<!-- a card for each experiment -->"
QUESTION = re.compile(r"^\*\*Question\.\*\*\s+(.*?)\n\n", re.DOTALL | re.MULTILINE)


def card(experiment: Path) -> str:
    """Title, question and first figure of an experiment, with a link to the whole."""
    text = (experiment / "README.md").read_text()
    title = text.splitlines()[0].removeprefix("# ")
    question, figure = QUESTION.search(text), re.search(r"!\[([^\]]*)\]\((\S+\.png)\)", text)
    if question is None or figure is None:
        raise ValueError(f"{experiment.name}/README.md: a card needs a question and a figure")
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[*`]", lambda found: found[1] or "", " ".join(question[1].split()))
    place = f"experiments/{experiment.name}"
    return (
        f'<a class="card" href="{place}/index.html">'
        f'<img src="{place}/{figure[2]}" alt="{html.escape(figure[1])}" loading="lazy">'
        f"<strong>{html.escape(title)}</strong><span>{html.escape(plain)}</span></a>"
    )


def on_page_markdown(markdown: str, **_: Any) -> str:
    if MARK not in markdown:
        return markdown
    parts = []
    for title in (OTHERS, *GROUPS.values()):
        cards = [card(experiment) for experiment in EXPERIMENTS if group_of(experiment) == title]
        parts.append(f'## {title}\n\n<div class="cards">{"".join(cards)}</div>')
    return markdown.replace(MARK, "\n\n".join(parts))
