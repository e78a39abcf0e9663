"""The OpenAPI document: what the generator cannot read off the code, said once for all resources."""

import json
from functools import cache
from inspect import isclass
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db.models import Choices
from django.utils.translation import override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import patched_settings
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from apps.common.http.formats import FORMATS, LIST_FORMATS, RECORD_FORMATS
from apps.common.http.problem_answers import CONTENT_TYPE
from apps.common.http.problems import PROBLEMS
from apps.common.http.translations import translate_document
from apps.common.openapi import write_schema
from apps.common.reading.places import Costly
from apps.common.resources.registry import tags
from apps.common.resources.views import RecordViewSet

EXAMPLES = Path(__file__).with_name("examples.json")

STRING = {"type": "string"}
ADDRESS = {"type": "string", "format": "uri-reference"}


def _object(about: str, /, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "description": about, "required": list(properties), "properties": properties}


INDEX = _object(
    "What there is.",
    name={**STRING, "description": "Name of the service."},
    version={**STRING, "description": "Version of the interface."},
    resources={
        "type": "array",
        "description": "Every resource.",
        "items": _object(
            "A resource.",
            name={**STRING, "description": "Name of the resource, as in addresses."},
            title={**STRING, "description": "Title in the language asked for."},
            description={**STRING, "description": "What it holds."},
            tag={**STRING, "description": "Domain to which it belongs."},
            count={"type": "integer", "minimum": 0, "description": "Records in the plain list."},
            url={**ADDRESS, "description": "Address of the list."},
        ),
    },
    vocabularies={**ADDRESS, "description": "Address of the vocabularies."},
    openapi={**ADDRESS, "description": "Address of the OpenAPI document."},
    documentation={**ADDRESS, "description": "Address of the documentation."},
)
VOCABULARY = _object(
    "A vocabulary: the values of one choice field.",
    name={**STRING, "description": "Name of the vocabulary: resource and field."},
    resource={**STRING, "description": "Resource that uses it."},
    field={**STRING, "description": "Field whose values it holds."},
    description={**STRING, "description": "What the field says."},
    values={
        "type": "array",
        "description": "The values, in the order of forms.",
        "items": _object(
            "A value.",
            value={**STRING, "description": "Value on the wire."},
            labels={
                "type": "object",
                "description": "Labels by language tag.",
                "required": ["zh-Hans", "en"],
                "properties": {
                    "zh-Hans": {**STRING, "description": "Label in Chinese."},
                    "en": {**STRING, "description": "Label in English."},
                },
            },
        ),
    },
    url={**ADDRESS, "description": "Address of the vocabulary."},
)
VOCABULARIES = _object(
    "All vocabularies.", results={"type": "array", "description": "The vocabularies.", "items": VOCABULARY}
)
PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {**ADDRESS, "description": "Address of what is written about this kind of problem."},
        "title": {**STRING, "description": "The kind of problem in a few words."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "HTTP status."},
        "detail": {**STRING, "description": "What was wrong this time, in the language asked for."},
        "instance": {**ADDRESS, "description": "Address that was asked for."},
        "code": {**STRING, "enum": list(PROBLEMS), "description": "The kind of problem, for programs."},
        "request_id": {**STRING, "description": "Identifier of the request, also in `X-Request-ID`."},
        "errors": {
            "type": "array",
            "description": "Each parameter or place in the body that was wrong.",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "parameter": {**STRING, "description": "Name of the query parameter."},
                    "pointer": {**STRING, "description": "Place in the body, as a JSON Pointer."},
                    "code": {**STRING, "description": "Kind of error, for programs."},
                    "detail": {**STRING, "description": "What was wrong, in the language asked for."},
                },
            },
        },
    },
}
WHEN = {
    "400": "A parameter is unknown or has a value that is not valid.",
    "404": "There is no such record.",
    "406": "The answer cannot be given in the format asked for.",
}

COSTLY = "A costly read whose answer is not kept takes one of a few places; ask again after `Retry-After`."


# What answers in other formats than JSON are.
CONTENTS: dict[str, dict[str, Any]] = {
    "jsonld": {"type": "object", "description": "Linked data (JSON-LD 1.1), with its context."},
    "csv": {
        **STRING,
        "description": "The whole list as CSV (RFC 4180), UTF-8, the names of the columns in the first line.",
    },
    "xlsx": {
        **STRING,
        "contentMediaType": FORMATS["xlsx"].media_type,
        "description": "The whole list as a spreadsheet; a second sheet says what the columns are.",
    },
    "ndjson": {**STRING, "description": "The whole list, one record a line, each as in JSON."},
}


@cache
def examples() -> dict[str, Any]:
    """Return real answers of the service, by operation; made by `manage.py make_examples`."""
    return json.loads(EXAMPLES.read_text(encoding="utf-8")) if EXAMPLES.exists() else {}


HEADERS = {"X-Request-ID": {"description": "Identifier of the request.", "schema": STRING}}
WAIT_HEADERS = {"Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}}}
PAGE_HEADERS = {"Link": {"description": "Pages before and behind (RFC 8288).", "schema": STRING}}
# Parameters of every list and of every record.
READ_PARAMETERS = (
    OpenApiParameter("fields", str, description="Comma-separated names of the fields to be given; all without it."),
    OpenApiParameter(
        "labels",
        bool,
        default=False,
        description="Give the labels of choices too, as `…_label`, by `Accept-Language`.",
    ),
    OpenApiParameter(
        "as_of", {"type": "string", "format": "date"}, description="What was true on this day, such as 2013-06-27."
    ),
    OpenApiParameter(
        "known_at",
        {"type": "string", "format": "date-time"},
        description="What the registry knew at this instant, such as 2026-01-31T08:00:00Z, whatever was changed since.",
    ),
)
LANGUAGE = OpenApiParameter(
    "Accept-Language",
    str,
    OpenApiParameter.HEADER,
    description="Language of labels and errors: `zh-Hans` (default) or `en`. Data are never translated.",
)


class RecordSchema(AutoSchema):
    """Describes the operations of a resource: tag, summary, description, shared parameters."""

    view: Any

    def _resource(self) -> str:
        return self.path.removeprefix("/api/v1/").partition("/")[0]

    def _reads(self) -> bool:
        """Tell whether the operation is the list or the detail of a resource; others describe themselves."""
        return hasattr(self.view, "detail_serializer_class") and self.view.action in ("list", "retrieve")

    def _is_list_view(self, serializer: Any = None) -> bool:
        known = hasattr(self.view, "detail_serializer_class")
        return self.view.action == "list" if known else super()._is_list_view(serializer)

    def get_request_serializer(self) -> Any:
        return write_schema.request(self.view) if write_schema.is_write(self.view) else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        if not write_schema.is_write(self.view):
            return super().get_response_serializers()
        record = self.resolve_serializer(self.view.detail_serializer_class, "response").ref
        return write_schema.responses(self.view, record)

    def get_operation_id(self) -> str:
        if write_schema.is_write(self.view):
            return f"{self._resource().replace('-', '_')}_{write_schema.ACTIONS[self.view.action][0]}"
        if not self._reads():
            return super().get_operation_id()
        return f"{self._resource().replace('-', '_')}_{'list' if self._is_list_view() else 'retrieve'}"

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        costly: Costly = getattr(self.view, "costly", False)
        if operation and self.method == "GET" and costly:
            when = "For want of a place."
            if not isinstance(costly, bool):
                when = f"With {', '.join(f'`{name}`' for name in sorted(costly))}, or as a file, for want of a place."
            content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
            operation["responses"]["503"] = {"description": f"{when} {COSTLY}", "content": content}
        return operation

    def get_tags(self) -> list[str]:
        return [self.view.tag.name] if isinstance(self.view, RecordViewSet) else super().get_tags()

    def get_summary(self) -> str | None:
        if write_schema.is_write(self.view):
            return write_schema.ACTIONS[self.view.action][1] % self.view.queryset.model._meta.verbose_name_plural
        if not self._reads():
            return super().get_summary()
        meta = self.view.queryset.model._meta
        return (
            f"List {meta.verbose_name_plural}"
            if self._is_list_view()
            else f"Read one of the {meta.verbose_name_plural}"
        )

    def get_description(self) -> str:  # type: ignore[override]
        if write_schema.is_write(self.view):
            return write_schema.ACTIONS[self.view.action][2]
        if not self._reads():
            return super().get_description()
        about = " ".join(str(type(self.view).__doc__).split())
        if self._is_list_view():
            return f"{about}\n\nPaged by cursor; every parameter narrows the list, and a comma within one means OR."
        return f"{about}\n\nThe whole record, with what is nested in it and the citations on which it rests."

    def get_override_parameters(self) -> list[Any]:
        key = OpenApiParameter(
            "key", str, OpenApiParameter.PATH, description="Official code of a division; slug of anything else."
        )
        if write_schema.is_write(self.view):
            return [*write_schema.parameters(self.view), *([key] if "{key}" in self.path else [])]
        if not self._reads():
            return [*super().get_override_parameters(), *([key] if "{key}" in self.path else [])]
        is_list = self._is_list_view()
        return [
            *READ_PARAMETERS,
            _format_parameter(is_list=is_list),
            LANGUAGE,
            *self._expansion(),
            *([] if is_list else [key]),
        ]

    def _expansion(self) -> list[OpenApiParameter]:
        names = ", ".join(f"`{name}`" for name in self.view.get_serializer_class().expandable())
        about = (
            "Comma-separated references to be replaced by the whole record; a dot goes one step deeper."
            f" There are: {names}."
        )
        return [OpenApiParameter("expand", str, description=about)] if names else []


def _format_parameter(*, is_list: bool) -> OpenApiParameter:
    about = "Format of the answer; without it, `Accept` decides."
    if is_list:
        about += " `csv`, `xlsx` and `ndjson` give the whole list at once, without paging."
    formats = LIST_FORMATS if is_list else RECORD_FORMATS
    return OpenApiParameter("format", str, enum=formats, default="json", description=about)


def choice_names() -> dict[str, type[Choices]]:
    """Return the choices of all models by the names of model and class, such as `EventKind`, as the document does."""
    return {
        f"{owner.__name__}{name}": choices
        for model in apps.get_models()
        for owner in model.__mro__
        for name, choices in vars(owner).items()
        if isclass(choices) and issubclass(choices, Choices)
    }


class Generator(SchemaGenerator):
    """Makes the document in English, and then puts its texts into the reader's language.

    Made in Chinese it would have another shape, because titles stand only where a label says more than the name.
    """

    def get_schema(self, request: Request | None = None, public: bool = False) -> dict[str, Any]:
        with override("en"), patched_settings({"ENUM_NAME_OVERRIDES": choice_names()}):
            document = super().get_schema(request, public)  # type: ignore[no-untyped-call]
        return dict(translate_document(document))


def document() -> dict[str, Any]:
    """Return the document in the reader's language."""
    return Generator().get_schema(public=True)  # type: ignore[no-untyped-call]


def finish(result: dict[str, Any], generator: SchemaGenerator, request: Request | None, public: bool) -> dict[str, Any]:
    """Add to the generated document what holds for every operation: problems, headers, tags by domain."""
    schemas = result["components"].setdefault("schemas", {})
    for schema in schemas.values():
        # Labels are given only where they are asked for.
        if required := [name for name in schema.get("required", []) if not name.endswith("_label")]:
            schema["required"] = required
        else:
            schema.pop("required", None)
    schemas["Problem"] = PROBLEM
    schemas |= write_schema.COMPONENTS
    result["tags"] = [
        # What viewers show in the place of the name, which is for programs and is not translated.
        {
            "name": tag.name,
            "x-displayName": tag.title or tag.name.capitalize(),
            "description": tag.about,
        }
        for tag in tags()
    ]
    for address, methods in result["paths"].items():
        for method, operation in methods.items():
            _finish_operation(address, method, operation)
    return result


def _finish_operation(address: str, method: str, operation: dict[str, Any]) -> None:
    """Add to an operation its problems and headers, and an example that was read from the registry."""
    restricted = write_schema.problems(operation["operationId"])
    if method == "post":
        operation.setdefault("parameters", []).append(write_schema.KEYED)
        told = operation["responses"].keys() | restricted
        restricted = restricted | {
            status: text for status, text in write_schema.WHEN_KEYED.items() if status not in told
        }
    if method == "get" and not restricted:
        operation["security"] = [{}, *(each for each in operation.get("security", ()) if each)]
    elif method != "delete" and "requestBody" in operation:
        operation["requestBody"]["required"] = True
    for parameter in operation.get("parameters", []):
        if parameter["schema"].get("type") == "array":
            parameter |= {"style": "form", "explode": False}
    if (example := examples().get(operation["operationId"])) is not None:
        content = operation["responses"]["200"]["content"]["application/json"]
        content["examples"] = {"record": {"summary": "From the registry", "value": example}}
    _add_formats(operation)
    for status, description in (WHEN | restricted).items():
        if status != "404" or "{" in address:
            schema = {"$ref": "#/components/schemas/Problem"}
            operation["responses"][status] = {"description": description, "content": {CONTENT_TYPE: {"schema": schema}}}
    is_paged = any(given["name"] == "cursor" for given in operation.get("parameters", []))
    for status, response in operation["responses"].items():
        response["description"] = response.get("description") or "The answer."
        response["headers"] = HEADERS | (PAGE_HEADERS if status == "200" and is_paged else {})
        response["headers"] |= WAIT_HEADERS if status == "503" else {}


def _add_formats(operation: dict[str, Any]) -> None:
    """Add to an operation what it answers in the formats that it knows."""
    formats = [
        given["schema"].get("enum", ()) for given in operation.get("parameters", ()) if given["name"] == "format"
    ]
    for name in formats[0] if formats else ():
        if name in CONTENTS:
            operation["responses"]["200"]["content"][FORMATS[name].media_type] = {"schema": CONTENTS[name]}
