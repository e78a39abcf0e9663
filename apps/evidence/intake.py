"""A pasted text or an uploaded file made a captured page, and a guess at the part that is the article's body.

Pure functions: bytes or text in, text or offsets out. Nothing here knows the database.
"""

import re
from html.parser import HTMLParser
from typing import NamedTuple

from django.utils.translation import gettext as _

from apps.evidence import spans

MAX_BYTES = 1_000_000

_TAG = re.compile(r"<(?:!doctype\b|/?(?:html|head|body|div|p|br|span|table|td|li|ul|a|h[1-6]|font|section)\b)", re.I)

# Elements that hold no text, and those that stand on lines of their own.
_SILENT = {"script", "style", "noscript", "template", "title", "svg", "iframe", "select", "button"}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt", "fieldset"),
    *("figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main"),
    *("nav", "ol", "p", "pre", "section", "table", "tr", "ul"),
}

_SENTENCE = re.compile(r"[。!?！？…;；][”’」』》)）]*\s*$")
# A line that opens like this tells of the page, not of the world, and where the body has begun, it ends there.
_FURNITURE = re.compile(
    r"(?:您?现在的位置|当前位置|首页\s*[>＞]|来源|稿源|发布时间|编辑|责任编辑|责编|作者|[■●□]?\s*(?:本报)?记者|通讯员|摄影"
    r"|上一[篇版]|下一[篇版]|放大|字号|打印|分享|扫一扫|关键词|标签|\*|[(（]?资料图片|相关(?:稿件|阅读|新闻|文章|链接)"
    r"|热点|今日热点|推荐阅读|热门|猜你喜欢|更多|版权|免责|声明|网站|联系|关于我们|©|Copyright|[沪京琼粤]ICP|第\d+版)",
    re.I,
)
# With fewer characters, a line is a heading, a credit or a link.
_PROSE = 30
# The line that opens a newspaper's report, in front of its first words.
_DATELINE = re.compile(r"\s*(?:本报讯|[^\s,，。]{2,12}讯)[\s(（][^\S\n]*")


class IntakeError(ValueError):
    """A page that cannot be taken in; says why."""


class Line(NamedTuple):
    """A line of a page that is not blank, without the blanks at its ends."""

    start: int
    end: int
    text: str


def decode(data: bytes) -> str:
    """Return the text of a file in UTF-8 (with a byte order mark or without), UTF-16 (with one) or GB18030."""
    if len(data) > MAX_BYTES:
        raise IntakeError(_too_long(len(data)))
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise IntakeError(_("The file is a text neither in UTF-8 nor in GB18030."))


def captured(text: str) -> str:
    """Return a text as a page is kept: without HTML, newlines as LF."""
    text = text.removeprefix("\ufeff")
    if (size := len(text.encode(errors="replace"))) > MAX_BYTES:
        raise IntakeError(_too_long(size))
    if "\0" in text:
        raise IntakeError(_("It holds a NUL character, as no text does."))
    text = spans.normalise(text)
    if _TAG.search(text):
        text = strip_html(text)
    if not text.strip():
        raise IntakeError(_("It holds no text."))
    return text


def _too_long(size: int) -> str:
    return _("It is too long: %(size)s bytes; at most %(limit)s are taken.") % {"size": size, "limit": MAX_BYTES}


def strip_html(page: str) -> str:
    """Return the text of an HTML page, each block on a line of its own."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    lines = (re.sub(r"[ \t]+", " ", line).strip(" ") for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


class _Reader(HTMLParser):
    """Gathers the text that a browser would show."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self.silent += 1
        elif tag in _BLOCKS:
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = max(0, self.silent - 1)
        elif tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            # A newline in the source is a blank on the page; between Chinese characters it is nothing.
            joined = re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef])\s*\n\s*(?=[\u3000-\u9fff\uff00-\uffef])", "", data)
            self.parts.append(re.sub(r"\s*\n\s*", " ", joined))


def lines(text: str) -> list[Line]:
    """Return the lines of a page that are not blank."""
    return [
        Line(found.start() + len(found[0]) - len(found[0].lstrip()), found.start() + len(found[0].rstrip()), stripped)
        for found in re.finditer(r"[^\n]+", text)
        if (stripped := found[0].strip())
    ]


def propose_body(text: str) -> tuple[int, int]:
    """Guess where the body lies: from the first line of prose to the last one before the page's furniture.

    Headings between paragraphs are part of it; a title, a source line and credits above it are not. A page without
    any prose is proposed as a whole.
    """
    rows = lines(text)
    first = next((number for number, row in enumerate(rows) if _is_prose(row.text)), None)
    if first is None:
        return (rows[0].start, rows[-1].end) if rows else (0, len(text))
    last = first
    for number in range(first + 1, len(rows)):
        if _is_furniture(rows[number].text):
            break
        if _SENTENCE.search(rows[number].text):
            last = number
    start = rows[first].start
    if dateline := _DATELINE.match(text, start):
        start = dateline.end()
    return start, rows[last].end


def _is_furniture(line: str) -> bool:
    return len(line) < 3 * _PROSE and bool(_FURNITURE.match(line)) and not _is_prose(line)


def _is_prose(line: str) -> bool:
    return len(line) >= _PROSE and bool(_SENTENCE.search(line)) and not re.match(r"\*|©|Copyright", line)
