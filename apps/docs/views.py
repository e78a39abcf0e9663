"""The pages for readers of the API: its reference, the guide, and what the codes of errors mean."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import conditional_page
from django.views.generic import RedirectView

from apps.common.http.pages import TranslatedPage, frame
from apps.common.http.translations import describe
from apps.docs import guide, reference

# Words that the scripts of the reference show. The keys are the scripts' own.
TEXTS = {
    "headers": _("Headers"),
    "save": _("Save the file"),
    "cut": _("The rest is not shown."),
    "failed": _("No answer came. Is the service there?"),
}
# Questions to begin with: the address of an operation that reads, and parameters.
QUESTIONS = (
    (
        _("Which units claimed which projects in 五角场镇?"),
        "/api/v1/claims",
        {"street": "310110101", "fields": "project,unit"},
    ),
    (
        _("When was the joint conference of 五角场镇 founded, and what are its parts?"),
        "/api/v1/alliances/{key}",
        {"key": "wujiaochang-zhen-lianxihui"},
    ),
    (
        _("What does 张江星荟 offer, and when is it open?"),
        "/api/v1/venues/{key}",
        {"key": "zhangjiang-xinghui", "fields": "name,opened_on,opening_hours,services"},
    ),
    (
        _("By what key does one ask for 同济大学?"),
        "/api/v1/member-units",
        {"q": "同济大学", "fields": "name,slug"},
    ),
    (
        _("Which projects does 同济大学 take part in, and in which role?"),
        "/api/v1/project-partners",
        {"unit": "tongji-daxue", "fields": "project,role"},
    ),
    (
        _("An article says 国定一居民区. Which neighbourhood is that?"),
        "/api/v1/neighbourhoods",
        {"written_as": "国定一居民区"},
    ),
)


def _language() -> str:
    return get_language() or settings.LANGUAGE_CODE


def _about() -> str:
    """Return what the registry is, in a sentence: how the document begins."""
    return describe(str(settings.SPECTACULAR_SETTINGS["DESCRIPTION"])).partition("\n\n")[0]


@method_decorator(conditional_page, name="dispatch")
class DocsPage(TranslatedPage):
    """A page that is the same for everybody and changes with the code only; it has an `ETag`."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Cache-Control"] = "public, no-cache"
        return response


class ContentsView(DocsPage):
    """All operations of the API, by resource."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the page."""
        places = reference.readers(_language())
        questions = [
            {"text": text, **places[address]._asdict(), "query": urlencode(query)} for text, address, query in QUESTIONS
        ]
        about = _about()
        context = {"groups": reference.contents(_language()), "questions": questions, "about": about}
        return render(request, "docs/contents.html", context | frame(request))


class ReferenceView(DocsPage):
    """The operations of one resource, each with a form to send it."""

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show the page."""
        language = _language()
        group = reference.pages(language).get(name)
        if group is None:
            raise Http404
        context = {
            "name": name,
            "group": group,
            "title": group.pages[name].title,
            "groups": reference.contents(language),
            "html": reference.page_html(name, language),
            "texts": {key: str(text) for key, text in TEXTS.items()},
        }
        return render(request, "docs/reference.html", context | frame(request))


class GuideContentsView(DocsPage):
    """All pages of the guide."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the page."""
        context = {"pages": guide.pages(_language()).values()}
        return render(request, "docs/guide_contents.html", context | frame(request))


def _page_of(name: str) -> guide.GuidePage:
    """Return a page of the guide in the reader's language. Raises Http404."""
    found = guide.pages(_language()).get(name)
    if found is None:
        raise Http404
    return found


def _here(request: HttpRequest, text: str) -> str:
    """Return a text with the address at which the service was asked in the place of the one in the sources."""
    return text.replace(guide.ORIGIN, request.build_absolute_uri("/").removesuffix("/"))


class GuideView(DocsPage):
    """A page of the guide."""

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show the page."""
        page, language = _page_of(name), _language()
        pages = list(guide.pages(language).values())
        place = pages.index(page)
        around = frame(request)
        deepest = 3 if name == guide.ERRORS else 2  # codes are looked for
        context = {
            "page": page,
            "pages": pages,
            "before": pages[place - 1] if place else None,
            "after": pages[place + 1] if place + 1 < len(pages) else None,
            "headings": [each for each in guide.outline(name, language) if 1 < each.level <= deepest],
            # The host is one of ALLOWED_HOSTS, and no HTML.
            "html": mark_safe(_here(request, guide.html(name, language, str(around["keep"])))),  # noqa: S308
        }
        return render(request, "docs/guide.html", context | around)


class ErrorsView(GuideView):
    """What the codes of errors mean: the page of the guide to which the `type` of an answer leads."""

    def get(self, request: HttpRequest, name: str = guide.ERRORS) -> HttpResponse:
        """Show the page."""
        return super().get(request, name)


class MarkdownView(DocsPage):
    """A page of the guide as it is written, for programs and language models."""

    def get(self, request: HttpRequest, name: str = guide.ERRORS) -> HttpResponse:
        """Give the Markdown."""
        return HttpResponse(_here(request, _page_of(name).text), content_type="text/markdown; charset=utf-8")


class LlmsView(DocsPage):
    """What is written here and where, for language models (llmstxt.org)."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Give the list."""
        about = _about()
        keep = frame(request)["keep"]
        # Not within the texts below, where the tools that collect what is to be translated do not look.
        titles = gettext("API guide"), gettext("API reference")
        all_of_it = gettext("every operation, parameter and field")
        lines = [
            "# partybuild\n",
            f"> {about}\n",
            gettext("Reading needs no account and no key: GET /api/v1/ lists all resources. Answers are JSON.") + "\n",
            f"## {titles[0]}\n",
            *(f"- [{page.title}]({page.source}{keep}): {page.lead}" for page in guide.pages(_language()).values()),
            f"\n## {titles[1]}\n",
            f"- [OpenAPI 3.1](/api/v1/openapi.json{keep}): {all_of_it}",
        ]
        return HttpResponse("\n".join(lines) + "\n", content_type="text/markdown; charset=utf-8")


urlpatterns = [
    path("docs/", ContentsView.as_view(), name="docs"),
    path("docs/reference/<str:name>", ReferenceView.as_view(), name="reference"),
    path("docs/guide", GuideContentsView.as_view(), name="guide"),
    # Before the page, whose name may be any text.
    path("docs/guide/<str:name>.md", MarkdownView.as_view(), name="guide-source"),
    path("docs/guide/<str:name>", GuideView.as_view(), name="guide-page"),
    path("docs/errors", ErrorsView.as_view(), name="errors"),
    path("docs/errors.md", MarkdownView.as_view(), name="errors-source"),
    path("docs/swagger", RedirectView.as_view(url="/docs/", permanent=True, query_string=True)),
    path("llms.txt", LlmsView.as_view(), name="llms"),
]
