"""The guide: pages of Markdown in docs/guide, each in every language, as HTML.

A page has the same headings in all languages. Their anchors are made of the English ones, so that a link leads to the
same place in each. The first paragraph says what the page is about.
"""

import re
from functools import cache, lru_cache
from typing import NamedTuple

from django.conf import settings
from django.utils.safestring import SafeString
from django.utils.translation import override

from apps.common.http.problems import PROBLEMS
from apps.docs.markdown import Heading, headings, parse, render

FOLDER = settings.BASE_DIR / "docs" / "guide"
FOLDERS = {"zh-hans": "zh-Hans", "en": "en"}
ERRORS = "errors"
NAMES = (
    "getting-started",
    "concepts",
    "querying",
    "dates",
    "evidence",
    "statistics",
    "names",
    "formats",
    "writing",
    "bulk",
    "work",
    "changes",
    "webhooks",
    "limits",
    ERRORS,
    "compatibility",
    "licence",
    "recipes",
    "changelog",
)
# The service as the pages name it; a reader is shown the address at which he reads them.
ORIGIN = "http://127.0.0.1:8000"
CODE = re.compile(r"^### (\w+)$", re.MULTILINE)


class GuidePage(NamedTuple):
    """A page in one language: its source, and what others say of it."""

    name: str
    language: str
    text: str
    title: str
    lead: str

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"/docs/{ERRORS}" if self.name == ERRORS else f"/docs/guide/{self.name}"

    @property
    def source(self) -> str:
        """The address of its Markdown."""
        return f"{self.url}.md"


@cache
def pages(language: str) -> dict[str, GuidePage]:
    """Return all pages of a language by name, in their order."""
    return {name: _load(name, language) for name in NAMES}


def _load(name: str, language: str) -> GuidePage:
    text = (FOLDER / FOLDERS[language] / f"{name}.md").read_text(encoding="utf-8")
    if name == ERRORS:
        with override(language):
            text = CODE.sub(_with_title, text)
    title, lead = text.split("\n\n", 2)[:2]
    return GuidePage(name, language, text, title.removeprefix("# "), " ".join(lead.split()))


def _with_title(heading: re.Match[str]) -> str:
    """Return the heading of a code with its status and its title below, where an answer as a whole has the code."""
    if heading[1] not in PROBLEMS:
        return heading[0]
    status, title = PROBLEMS[heading[1]]
    return f"{heading[0]}\n\n**{status}** {title}"


@cache
def outline(name: str, language: str) -> list[Heading]:
    """Return the headings of a page, with the anchors that they have in every language."""
    own, english = (headings(parse(pages(each)[name].text)) for each in (language, "en"))
    return [Heading(*heading[:2], same.anchor) for heading, same in zip(own, english, strict=True)]


@lru_cache(maxsize=128)
def html(name: str, language: str, keep: str) -> SafeString:
    """Return a page as HTML; `keep` stands behind the addresses of other pages, before the anchor."""

    def link(target: str) -> str:
        path, mark, place = target.partition("#")
        if path.endswith(".md"):
            path = pages(language)[path.removesuffix(".md")].url
        return path + (keep if path.startswith("/") else "") + mark + place

    anchors = [heading.anchor for heading in outline(name, language)]
    return render(parse(pages(language)[name].text), anchors, link)
