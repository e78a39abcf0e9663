"""Markdown as HTML: pages of the guide, and texts of the OpenAPI document."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name
from pygments.util import ClassNotFound

WHITE = re.compile(r'<span class="w">(\s+)</span>')


class Heading(NamedTuple):
    """A heading of a page: its level, its text, and the anchor under which it is found."""

    level: int
    text: str
    anchor: str


@cache
def _parser() -> MarkdownIt:
    # No HTML in a text: what stands between angle brackets is shown as it is.
    return MarkdownIt("commonmark", {"html": False, "highlight": _highlighted}).enable("table")


def _highlighted(code: str, language: str, _attributes: str) -> str:
    """Return a block of code with its tokens in spans with short class names (docs/highlight.css).

    It takes the focus, so that a wide one is scrolled by keyboard, too.
    """
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)
    tokens = WHITE.sub(r"\1", highlight(code, lexer, HtmlFormatter(nowrap=True)))
    return f'<pre tabindex="0"><code>{tokens}</code></pre>\n'


@cache
def inline(text: str) -> SafeString:
    """Return a short text as HTML; one paragraph without the element around it."""
    html = _parser().render(text).strip()
    if html.count("<p>") == 1 and html.startswith("<p>") and html.endswith("</p>"):
        html = html[3:-4]
    return mark_safe(html)  # noqa: S308  the parser takes no HTML


def parse(text: str) -> list[Token]:
    """Return the tokens of a page."""
    return _parser().parse(text)


def anchor(text: str) -> str:
    """Return the anchor of an English heading, as code hosts make it."""
    return re.sub(r"[^\w-]", "", text.lower().replace(" ", "-"))


def headings(tokens: Sequence[Token]) -> list[Heading]:
    """Return the headings of a page, with anchors made of their own texts."""
    return [
        Heading(int(token.tag[1]), _plain(tokens[place + 1]), anchor(_plain(tokens[place + 1])))
        for place, token in enumerate(tokens)
        if token.type == "heading_open"
    ]


def _plain(token: Token) -> str:
    return "".join(child.content for child in token.children or ())


def render(tokens: list[Token], anchors: Sequence[str], link: Callable[[str], str]) -> SafeString:
    """Return a page as HTML: its headings with the given anchors, and its links as `link` has them."""
    left = iter(anchors)
    for token in tokens:
        if token.type == "heading_open":
            token.attrSet("id", next(left))
        elif token.type == "table_open":
            token.attrSet("tabindex", "0")  # a wide one is scrolled, by keyboard too
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", link(str(child.attrGet("href"))))
    return mark_safe(_parser().renderer.render(tokens, _parser().options, {}))  # noqa: S308  the parser takes no HTML
