"""The OpenAPI document: what the generator cannot read off the code, said once for all resources."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from apps.common.filters.sets import filters_of
from apps.common.http.translations import translate_document
from apps.common.openapi import action_schema, answers, sharing, write_schema
from apps.common.openapi.components import COMPONENTS, Schema
from apps.common.openapi.names import operation_id
from apps.common.openapi.parameters import (
    KEY,
    filter_parameters,
    finish_parameter,
    page_parameters,
    place_of,
    read_parameters,
)
from apps.common.openapi.sharing import copied, walk
from apps.common.reading.places import Costly
from apps.common.resources.action_views import action_of
from apps.common.resources.registry import tags, viewsets
from apps.common.resources.views import RecordViewSet
from apps.common.serializers.references import LabelField

EXAMPLES = Path(__file__).with_name("examples.json")
REF = "#/components/schemas/"
BRIEF = ("key", "name", "url")  # of a reference


@cache
def examples() -> dict[str, Any]:
    """Return real answers of the service, by operation; made by `manage.py make_examples`."""
    return json.loads(EXAMPLES.read_text(encoding="utf-8")) if EXAMPLES.exists() else {}


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
        if action_of(self.view):
            return action_schema.request(self.view)
        return write_schema.request(self.view) if write_schema.is_write(self.view) else super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        is_write, is_action = write_schema.is_write(self.view), bool(action_of(self.view))
        if not (is_write or is_action):
            return super().get_response_serializers()
        record = self.resolve_serializer(self.view.detail_serializer_class, "response").ref
        return action_schema.responses(record) if is_action else write_schema.responses(self.view, record)

    def get_operation_id(self) -> str:
        if write_schema.is_write(self.view):
            return operation_id(write_schema.ACTIONS[self.view.action][0], self._resource())
        if action_of(self.view) or getattr(self.view, "action", "") == "list_actions":
            return operation_id(action_of(self.view) or "get_actions_of", self._resource())
        if self._reads():
            return operation_id("list" if self._is_list_view() else "get", self._resource())
        return super().get_operation_id()

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation:
            self._finish(operation)
        return operation

    def _finish(self, operation: Schema) -> None:
        """Add to an operation what the generator does not know of: its problems and headers, an example, its order."""
        method = str(self.method)
        if method == "POST":
            operation.setdefault("parameters", []).append(write_schema.KEYED)
        if getattr(self.view, "action", "") == "bulk_delete":
            operation["requestBody"] = {"content": {"application/json": {"schema": self._bulk_body()}}}
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
        if method == "GET" and "403" not in operation["responses"]:
            operation["security"] = [{}, *operation["security"]]  # reading is open to everybody
        costly: Costly = getattr(self.view, "costly", False)
        if method == "GET" and costly:
            operation["x-costly"] = costly if isinstance(costly, bool) else sorted(costly)
        answers.complete(operation, self.view, method, self.path)
        if (example := examples().get(operation["operationId"])) is not None:
            content = operation["responses"]["200"]["content"]["application/json"]
            content["examples"] = {"record": {"summary": "From the registry", "value": example}}
        for parameter in operation.get("parameters", ()):
            finish_parameter(parameter)
        operation.get("parameters", []).sort(key=place_of)

    def _bulk_body(self) -> Schema:
        return write_schema.request(self.view)["application/json"]

    def get_auth(self) -> list[dict[str, list[str]]]:
        """Return how one may say who one is."""
        return [each for each in super().get_auth() if each]

    def get_tags(self) -> list[str]:
        return [self.view.tag.name] if isinstance(self.view, RecordViewSet) else super().get_tags()

    def get_summary(self) -> str | None:
        if write_schema.is_write(self.view):
            return write_schema.ACTIONS[self.view.action][1] % self.view.queryset.model._meta.verbose_name_plural
        if action_of(self.view):
            return action_schema.summary(self.view)
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
        if action_of(self.view):
            return action_schema.description(self.view)
        if not self._reads():
            return super().get_description()
        about = " ".join(str(type(self.view).__doc__).split())
        if self._is_list_view():
            return f"{about}\n\nPaged by cursor; every parameter narrows the list, and several values of one mean OR."
        return f"{about}\n\nThe whole record, with what is nested in it and the citations on which it rests."

    def get_override_parameters(self) -> list[Any]:
        if write_schema.is_write(self.view):
            return list(write_schema.parameters(self.view))
        if action_of(self.view):
            return action_schema.parameters()
        if self._reads():
            return list(read_parameters(self.view, is_list=self._is_list_view()))
        return [*super().get_override_parameters(), *([KEY] if "{key}" in self.path else [])]

    def _get_filter_parameters(self) -> list[Schema]:
        if not self.get_filter_backends() or not hasattr(self.view, "filterset_class"):
            return []
        return filter_parameters(filters_of(self.view))

    def _get_pagination_parameters(self) -> list[Schema]:
        return page_parameters(self.view) if self._reads() and self._is_list_view() else []

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}Page"

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """Describe an object: of an answer, all is always there but the labels, and what is declared as optional."""
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        for each in schema["properties"].values():
            each.pop("readOnly", None)  # what can be written has schemas of its own
            each.pop("title", None)  # the label of another field, where it is not the name once more
            _simplify(each)
        if direction == "response":
            schema["required"] = [name for name in schema["properties"] if _is_always_there(serializer, name)]
        return schema


def _is_always_there(serializer: Any, name: str) -> bool:
    made: Serializer[Any] = serializer() if isinstance(serializer, type) else serializer
    field = made.fields[name]
    return not (
        isinstance(field, LabelField) or (name in made._declared_fields and not field.required and not field.read_only)
    )


def _simplify(schema: Schema) -> None:
    """Write a text that may be empty as one text, and a reference with a description of its own as one reference."""
    match schema:
        case {"oneOf": [{"type": "string", "pattern": pattern} as text, {"maxLength": 0}]}:
            del schema["oneOf"]
            schema |= text | {"pattern": f"^$|{pattern}"}
        case {"oneOf": [{"type": "string", "format": _}, {"maxLength": 0}] as both}:
            del schema["oneOf"]
            schema["anyOf"] = both  # who does not check formats finds the empty text to be of both kinds
        case {"allOf": [{"$ref": target}]}:
            del schema["allOf"]
            schema["$ref"] = target


class Generator(SchemaGenerator):
    """Makes the document in English, and then puts its texts into the reader's language.

    Made in Chinese it would have another shape, because titles stand only where a label says more than the name.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]

    def get_schema(self, request: Request | None = None, public: bool = False) -> dict[str, Any]:
        return in_language(self.english())

    def english(self) -> dict[str, Any]:
        """Return the document in English."""
        with override("en"):
            made: dict[str, Any] = super().get_schema(public=True)  # type: ignore[no-untyped-call]
        return made


def in_language(english: dict[str, Any]) -> dict[str, Any]:
    """Return the document in the reader's language."""
    return dict(translate_document(english))


def document() -> dict[str, Any]:
    """Make the document in the reader's language."""
    return in_language(Generator().english())


def finish(result: Schema, generator: SchemaGenerator, request: Request | None, public: bool) -> Schema:
    """Add to the generated document what its operations refer to, and let them refer to what they have in common."""
    components = result["components"]
    schemas = components.setdefault("schemas", {})
    schemas |= copied(COMPONENTS)
    sharing.ChoiceSharing(schemas).run(result["paths"])
    _refer(schemas)
    _inherit(schemas)
    components["headers"], components["responses"] = answers.HEADERS, answers.responses()
    sharing.share_properties(schemas)
    sharing.share_all(result)
    sharing.share_security(result)
    sharing.keep_used(result)
    result["tags"] = [
        # What viewers show in the place of the name, which is for programs and is not translated.
        {
            "name": tag.name,
            "x-displayName": tag.title or tag.name.capitalize(),
            "description": tag.about,
        }
        for tag in tags()
    ]
    return result


def _refer(schemas: dict[str, Schema]) -> None:
    """Let each reference that can be expanded say what it then has beside its key, name and address."""
    expanded: dict[str, str] = {}
    for viewset in viewsets().values():
        for serializer in {viewset.serializer_class, viewset.detail_serializer_class}:
            for field, target in serializer.expandable().items():
                whole = _name(target)
                expanded[whole] = f"{whole}Reference"
                for each in walk(schemas[_name(serializer)]["properties"][field]):
                    if each.get("$ref") == f"{REF}Reference":
                        each["$ref"] = f"{REF}{expanded[whole]}"
    for whole, name in expanded.items():
        about = f"A record as others point at it; `?expand=` adds the fields of `{whole}`, which are absent otherwise."
        beside = {key: _bare(each) for key, each in schemas[whole]["properties"].items() if key not in BRIEF}
        own = {"type": "object", "properties": beside}
        schemas[name] = {"description": about, "allOf": [{"$ref": f"{REF}Reference"}, own]}


def _bare(schema: Schema) -> Schema:
    return {key: each for key, each in schema.items() if key != "description"}


def _inherit(schemas: dict[str, Schema]) -> None:
    """Let each page be a page with its records, and each whole record that of the list with what it has beside."""
    pages = [name for name in schemas if name.endswith("Page") and "facets" in schemas[name]["properties"]]
    schemas["Page"] = {
        **schemas[pages[0]],
        "required": ["next", "previous", "next_cursor", "previous_cursor"],
        "properties": {key: each for key, each in schemas[pages[0]]["properties"].items() if key != "results"},
    }
    for name in pages:
        _extend(schemas, name, "Page")
    for viewset in viewsets().values():
        if viewset.detail_serializer_class is not viewset.serializer_class:
            base, whole = (_name(each) for each in (viewset.serializer_class, viewset.detail_serializer_class))
            _extend(schemas, whole, base)


def _name(serializer: type[Serializer[Any]]) -> str:
    return serializer.__name__.removesuffix("Serializer")


def _extend(schemas: dict[str, Schema], name: str, base: str) -> None:
    schema, common = schemas[name], schemas[base]["properties"]
    if any(schema["properties"].get(key) != each for key, each in common.items()):
        return
    more = {key: each for key, each in schema["properties"].items() if key not in common}
    own = {"type": "object", "properties": more, "required": [key for key in schema["required"] if key in more]}
    # In two parts: generators of clients take one part alone for all there is.
    schemas[name] = {"description": schema["description"], "allOf": [{"$ref": f"{REF}{base}"}, own]}
