"""Which language a request is answered in: that of its cookie, else of `Accept-Language` (RFC 9110, 12.5.4)."""

from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header


def language_of(request: HttpRequest) -> str:
    """Return the language in which a request is answered, one of `LANGUAGES`."""
    if settings.LANGUAGE_COOKIE_NAME in request.COOKIES:
        return translation.get_language_from_request(request)
    return by_header(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))


@lru_cache(maxsize=256)
def by_header(accept: str) -> str:
    """Return the language that an `Accept-Language` prefers; one with `q=0` only where all are refused.

    Django takes a range with the quality 0, which means “not this one”, for the least of wishes.
    """
    refused = set()
    takes_any = False
    for name, quality in parse_accept_lang_header(accept):  # the best first
        takes_any = takes_any or name == "*"
        try:
            found = translation.get_supported_language_variant(name)
        except LookupError:
            continue
        if not quality:
            refused.add(found)
        elif not takes_any:
            return found
    offered = [settings.LANGUAGE_CODE, *(code for code, _name in settings.LANGUAGES)]
    return next((code for code in offered if code not in refused), settings.LANGUAGE_CODE)


class LanguageMiddleware(LocaleMiddleware):
    """Answers in the language of `language_of`; no address of ours names one in its path."""

    def process_request(self, request: HttpRequest) -> None:
        """Activate the language."""
        language = language_of(request)
        translation.activate(language)
        request.LANGUAGE_CODE = language
