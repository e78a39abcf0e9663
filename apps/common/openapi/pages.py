"""The OpenAPI document as it is given. It follows `Accept-Language`, and `?lang=` where an address names a language."""

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, gettext
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common.http.codings import IDENTITY, choose_coding
from apps.common.http.parameters import refuse_unknown
from apps.common.http.problems import nearest, parameter_error
from apps.common.openapi import kept
from apps.common.reading.answer_cache import unless_known


class DocumentView(APIView):
    """The OpenAPI document."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseBase:
        """Give the document in the language of `?lang=`, or else in the one that the reader asks for."""
        refuse_unknown(request, {"lang"})
        languages = kept.languages()
        language = request.query_params.get("lang", get_language() or settings.LANGUAGE_CODE).lower()
        if language not in languages:
            detail = gettext("“%(word)s” is not one of the values.") % {"word": language[:40]}
            raise parameter_error("lang", detail + nearest(language[:40], languages))
        renderer: BaseRenderer = request.accepted_renderer
        coding = choose_coding(request)
        content, etag = getattr(kept.kept(language, str(renderer.format)), coding)
        response = HttpResponse(content, content_type=renderer.media_type)
        # Said here, since LanguageMiddleware knows of Accept-Language only.
        response["Content-Language"] = language
        response["Cache-Control"] = "public, no-cache"
        if coding != IDENTITY:
            response["Content-Encoding"] = coding
        patch_vary_headers(response, ("Accept", "Accept-Encoding", "Accept-Language"))
        response["ETag"] = etag
        return unless_known(request, response)


class JSONDocumentView(DocumentView):
    renderer_classes = [OpenApiJsonRenderer, OpenApiJsonRenderer2]


class YAMLDocumentView(DocumentView):
    renderer_classes = [OpenApiYamlRenderer, OpenApiYamlRenderer2]
