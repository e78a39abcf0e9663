"""Pages for people, in the language that their address names (`?lang=`), or else in the one that is asked for."""

from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import activate, get_language
from django.views.generic import View

OWN_NAMES = {"zh-hans": "中文", "en": "English"}  # what a language is called by those who read it


class OtherLanguage(NamedTuple):
    """A link to the page that is shown, in another language."""

    code: str
    name: str
    query: str


class TranslatedPage(View):
    """A page in the language that its address names, or else in the one that the reader asks for."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Until the answer is sent, since some pages are rendered behind the view; each request begins anew.
        if (language := request.GET.get("lang", "").lower()) in OWN_NAMES:
            activate(language)
        return super().dispatch(request, *args, **kwargs)


def frame(request: HttpRequest) -> dict[str, object]:
    """Return what the frame of a page (page.html) shows.

    `languages` are links to the same page, with the same choices, in the languages in which it is not shown. `keep` is
    what a link to another page has behind it, so that a language that was chosen stays.
    """
    others = []
    for code, _name in settings.LANGUAGES:
        if code != get_language():
            query = request.GET.copy()
            query["lang"] = code
            others.append(OtherLanguage(code, OWN_NAMES[code], query.urlencode()))
    chosen = request.GET.get("lang", "").lower()
    return {"languages": others, "keep": f"?lang={chosen}" if chosen in OWN_NAMES else ""}
