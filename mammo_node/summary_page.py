"""The HTML page that the demonstration leaves: what went in, what came out, overview first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

RESEARCH_USE = (
    "Research use only: not a medical device. The models were trained on synthetic images"
    " and are not clinically validated."
)

_STYLE = """
:root { color-scheme: light dark; --line: #8886; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
.notice { border-left: 4px solid #d9822b; padding: .4rem .8rem; background: #d9822b1a; }
.views { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; }
figure.overview { max-width: 44rem; }
figure { margin: 0; } figure img { width: 100%; background: #000; border-radius: 4px; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
code { font-size: .85em; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened, and how long it took."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Picture:
    """One view's overlay, by its path relative to the page."""

    caption: str
    path: str


@dataclass(frozen=True, slots=True)
class AnswerShown:
    """The answer in a sentence, and the paths of overview and report relative to the page."""

    statement: str
    overview: str
    report: str


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, column names and rows of text."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = "none"


def page(
    title: str,
    answer: AnswerShown,
    pictures: Sequence[Picture],
    tables: Sequence[Table],
    steps: Sequence[Step],
) -> str:
    """Return a whole, self-contained HTML page but for the pictures."""
    timings = Table(
        "What happened",
        ("step", "seconds"),
        tuple((step.what, f"{step.seconds:.2f}") for step in steps),
    )
    body = "".join(
        [
            f"<h1>{escape(title)}</h1>",
            f'<p class="notice">{escape(RESEARCH_USE)}</p>',
            _answer(answer),
            "<h2>Each view, as it is stored</h2>",
            f'<div class="views">{"".join(map(_figure, pictures))}</div>',
            *map(_table, (*tables, timings)),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def _answer(answer: AnswerShown) -> str:
    overview, report = escape(answer.overview), escape(answer.report)
    return (
        f"<p><strong>{escape(answer.statement)}</strong></p>"
        f'<figure class="overview"><a href="{overview}"><img src="{overview}"'
        ' alt="Overview of the study"></a></figure>'
        f"<p>The overview as the PACS received it (Secondary Capture), and the"
        f' <a href="{report}">report as PDF</a>.</p>'
    )


def _figure(picture: Picture) -> str:
    caption = escape(picture.caption)
    return (
        f'<figure><a href="{escape(picture.path)}"><img src="{escape(picture.path)}"'
        f' alt="{caption}"></a><figcaption>{caption}</figcaption></figure>'
    )


def _table(table: Table) -> str:
    heading = f"<h2>{escape(table.heading)}</h2>"
    if not table.rows:
        return f"{heading}<p>{escape(table.empty)}</p>"
    numeric = [all(map(_is_number, column)) for column in zip(*table.rows, strict=True)]
    head = _row("th", table.columns, numeric)
    body = "".join(_row("td", row, numeric) for row in table.rows)
    return f"{heading}<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _row(cell: str, texts: Sequence[str], numeric: Sequence[bool]) -> str:
    """Return a table row; columns of numbers are set right, heading and all."""
    opened = [f'<{cell} class="number">' if right else f"<{cell}>" for right in numeric]
    cells = (f"{start}{escape(text)}</{cell}>" for start, text in zip(opened, texts, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit() or not text
