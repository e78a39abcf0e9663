"""The OpenAPI document as it is given. It follows `Accept-Language`, and `?lang=` where an address names a language."""

from functools import cache

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import get_language, gettext, override
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

from apps.common.http.parameters import refuse_unknown
from apps.common.http.problems import nearest, parameter_error
from apps.common.openapi.schema import document


@cache
def rendered(language: str, form: str) -> str | bytes:
    """Return the OpenAPI document as it is sent. Made once a process: it depends on the code and on nothing else."""
    renderer = OpenApiJsonRenderer() if form == "json" else OpenApiYamlRenderer()
    with override(language):
        return renderer.render(document(), renderer_context={})


class DocumentView(APIView):
    """The OpenAPI document."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Give the document in the language of `?lang=`, or else in the one that the reader asks for."""
        refuse_unknown(request, {"lang"})
        languages = [code for code, _name in settings.LANGUAGES]
        language = request.query_params.get("lang", get_language() or settings.LANGUAGE_CODE).lower()
        if language not in languages:
            detail = gettext("“%(word)s” is not one of the values.") % {"word": language[:40]}
            raise parameter_error("lang", detail + nearest(language[:40], languages))
        renderer: BaseRenderer = request.accepted_renderer
        # Said here, since LanguageMiddleware knows of Accept-Language only.
        headers = {"Content-Language": language}
        return HttpResponse(rendered(language, str(renderer.format)), content_type=renderer.media_type, headers=headers)


class JSONDocumentView(DocumentView):
    renderer_classes = [OpenApiJsonRenderer, OpenApiJsonRenderer2]


class YAMLDocumentView(DocumentView):
    renderer_classes = [OpenApiYamlRenderer, OpenApiYamlRenderer2]
