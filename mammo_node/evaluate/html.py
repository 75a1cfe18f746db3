"""Pieces of the report's page: one self-contained HTML file without scripts or other files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --line: #8886; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 2px solid var(--line); } h3 { margin-top: 1.8rem; }
.notice { border-left: 4px solid #d9822b; padding: .4rem .8rem; background: #d9822b1a; }
.tables { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0 3rem; }
td:first-child { white-space: nowrap; }
.plots { display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); }
figure { margin: 0; } figcaption { font-size: .9em; } svg { width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; } .bar { --c: #2f7ed8; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
.legend li::before { content: ""; display: inline-block; width: 1.6em; margin-right: .5em;
  vertical-align: middle; border-top: 3px solid var(--c); }
.legend li.dashed::before { border-top-style: dashed; }
small { opacity: .75; } code { overflow-wrap: anywhere; }
@media print { body { max-width: none; } figure { break-inside: avoid; } }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole page."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """Return a table whose first `words` columns are words, the others numbers set right."""
    if not rows:
        return ""
    head = _row("th", columns, words)
    body = "".join(_row("td", row, words) for row in rows)
    return f'<div class="wide"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def figure(svg: str, caption: str, below: str = "") -> str:
    """Return a plot with its caption, and a legend between them."""
    return f"<figure>{svg}{below}<figcaption>{escape(caption)}</figcaption></figure>"


def paragraph(words: str, *, notice: bool = False) -> str:
    """Return a paragraph of plain text."""
    kind = ' class="notice"' if notice else ""
    return f"<p{kind}>{escape(words)}</p>"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number as the report prints it; a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def spread(low: float | None, high: float | None, digits: int = 2) -> str:
    """Return an interval as the report prints it, '' where there is none."""
    if low is None or high is None:
        return ""
    return f"{low:.{digits}f}-{high:.{digits}f}"


def within(section: Mapping[str, float | None], digits: int = 2) -> str:
    """Return a section's interval in brackets after a space, '' where it has none."""
    words = spread(section["low"], section["high"], digits)
    return f" ({words})" if words else ""


def _row(cell: str, texts: Sequence[str], words: int) -> str:
    opened = (f"<{cell}>" if i < words else f'<{cell} class="number">' for i in range(len(texts)))
    cells = (f"{start}{escape(text)}</{cell}>" for start, text in zip(opened, texts, strict=True))
    return f"<tr>{''.join(cells)}</tr>"
