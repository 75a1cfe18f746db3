"""The demonstration's page."""

from __future__ import annotations

from mammo_node.summary_page import RESEARCH_USE, AnswerShown, Picture, Step, Table, page

ANSWER = AnswerShown("x & y", "over view.png", "r'eport.pdf")


def test_what_comes_from_outside_is_escaped():
    """A text with markup in it stands on the page as text."""
    table = Table("T", ("a", "b"), (("<script>", "1.5"),))
    html = page("<b>", ANSWER, [Picture("R-CC", "a'b.png")], [table], [Step("s", 1.0)])
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "x &amp; y" in html


def test_the_research_statement_is_on_the_page():
    """No page without saying what this is."""
    assert RESEARCH_USE in page("t", ANSWER, [], [], [])


def test_the_overview_comes_first():
    """The picture of the whole study stands before those of the views, with the report."""
    html = page("t", ANSWER, [Picture("R-CC", "view.png")], [], [])
    assert html.index("over view.png") < html.index("view.png", html.index("over view.png") + 200)
    assert 'href="r&#x27;eport.pdf"' in html


def test_columns_of_numbers_are_set_right():
    """Numbers and their heading line up; words do not."""
    html = page("t", ANSWER, [], [Table("T", ("view", "mm"), (("R-CC", "12"), ("L-CC", "")))], [])
    assert '<th>view</th><th class="number">mm</th>' in html
    assert '<td>R-CC</td><td class="number">12</td>' in html


def test_an_empty_table_says_so():
    """A table without rows says what its emptiness means."""
    assert "none above" in page("t", ANSWER, [], [Table("T", ("a",), (), "none above")], [])
