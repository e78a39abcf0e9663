"""The OpenAPI document as pages: one for each resource, with its operations, their parameters and their answers."""

import json
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import override

from apps.common.openapi.kept import kept
from apps.common.resources.registry import viewsets
from apps.docs.markdown import inline
from apps.docs.schemas import Component, Components, Schema

METHODS = ("get", "post", "put", "patch", "delete")


class ParameterEntry(NamedTuple):
    """A parameter of an operation, and how a form asks for it."""

    name: str
    place: str  # path, query or header
    required: bool
    type: SafeString
    about: SafeString
    choices: list[str]
    default: str


class Body(NamedTuple):
    """What an operation takes: a JSON text, which begins as `sample`, or a file, as that `part` of a form."""

    types: list[str]
    type: SafeString
    sample: str
    part: str


class Answer(NamedTuple):
    """A status that an operation answers with."""

    status: str
    about: SafeString
    type: SafeString
    media: list[str]

    @property
    def is_problem(self) -> bool:
        """Whether the operation was not done."""
        return self.status >= "4"


class OperationEntry(NamedTuple):
    """What can be done at one address by one method."""

    id: str
    method: str
    path: str
    title: str
    about: SafeString
    parameters: list[ParameterEntry]
    body: Body | None
    answers: list[Answer]
    example: str
    is_open: bool  # to everybody


class Link(NamedTuple):
    """An operation as the table of contents has it."""

    id: str
    method: str
    path: str
    title: str


class ReferencePage(NamedTuple):
    """A page as the table of contents has it; `title` is what its records are called where that says more.

    `about` says in a sentence or two what its records are: how the list's description begins.
    """

    name: str
    title: str
    about: SafeString
    links: list[Link]


class Group(NamedTuple):
    """Pages of the reference that belong together: a tag of the document."""

    name: str
    title: str
    about: SafeString
    pages: dict[str, ReferencePage]


@cache
def _document(language: str) -> Mapping[str, Any]:
    return dict(json.loads(kept(language, "json").identity.content))


def _operations(language: str) -> Iterator[tuple[str, str, str, Schema]]:
    """Yield the operations of the document: the page of each, its method, path and content."""
    for path, item in _document(language)["paths"].items():
        for method in METHODS:
            if method in item:
                tag = item[method]["tags"][0]
                first = path.removeprefix(settings.API_ROOT).strip("/").partition("/")[0]
                yield (tag if first.startswith("{") else first or tag), method.upper(), path, item[method]


@cache
def contents(language: str) -> list[Group]:
    """Return all pages with the operations on them, by tag, in the order of the document's tags."""
    groups = {
        tag["name"]: Group(tag["name"], tag.get("x-displayName", tag["name"]), inline(tag.get("description", "")), {})
        for tag in _document(language)["tags"]
    }
    for page, method, path, operation in _operations(language):
        link = Link(operation["operationId"], method, path, operation.get("summary", ""))
        known = groups[operation["tags"][0]].pages
        if page not in known:
            about = operation.get("description", "").partition("\n\n")[0] if page in viewsets() else ""
            known[page] = ReferencePage(page, _title(page, language), inline(about), [])
        known[page].links.append(link)
    return list(groups.values())


def _title(page: str, language: str) -> str:
    """Return what the records of a resource are called."""
    if page not in viewsets():
        return ""
    with override(language):
        title = str(viewsets()[page].queryset.model._meta.verbose_name_plural)
    return "" if title == page.replace("-", " ") else title


def pages(language: str) -> dict[str, Group]:
    """Return the names of all pages, each with its group."""
    return {page: group for group in contents(language) for page in group.pages}


class OperationPlace(NamedTuple):
    """Where an operation is described."""

    page: str
    anchor: str


def readers(language: str) -> dict[str, OperationPlace]:
    """Return, by the address of each operation that reads, where it is described."""
    return {
        link.path: OperationPlace(page.name, link.id)
        for group in contents(language)
        for page in group.pages.values()
        for link in page.links
        if link.method == "GET"
    }


@lru_cache(maxsize=64)
def page_html(name: str, language: str) -> SafeString:
    """Return the operations of a page and the schemas that they name, as HTML. Raises KeyError for an unknown page."""
    pages(language)[name]
    components = Components(_document(language))
    with override(language):
        operations = [
            _operation(components, method, path, operation)
            for page, method, path, operation in _operations(language)
            if page == name
        ]
        schemas: list[Component] = components.named()
        return render_to_string("docs/operations.html", {"operations": operations, "schemas": schemas})


def _operation(components: Components, method: str, path: str, operation: Schema) -> OperationEntry:
    answers = [
        _answer(components, status, components.resolve(answer)) for status, answer in operation["responses"].items()
    ]
    return OperationEntry(
        operation["operationId"],
        method,
        path,
        operation.get("summary", ""),
        inline(operation.get("description", "")),
        sorted(
            (_parameter(components, components.resolve(each)) for each in operation.get("parameters", ())),
            key=lambda parameter: ("path", "query", "header").index(parameter.place),
        ),
        _body(components, components.resolve(operation.get("requestBody", {}))),
        sorted(answers, key=lambda answer: answer.status),
        _example(components, operation),
        {} in operation.get("security", [{}]),
    )


def _parameter(components: Components, parameter: Schema) -> ParameterEntry:
    schema = components.resolve(parameter.get("schema", {}))
    items = components.resolve(schema.get("items", {}))
    default = schema.get("default", "")
    return ParameterEntry(
        parameter["name"],
        parameter["in"],
        bool(parameter.get("required")),
        # The values of one that takes several are listed; of one that takes one, they are the options of its form.
        components.type_of({key: value for key, value in schema.items() if key != "enum"} | {"items": items}),
        inline(str(parameter.get("description", "")).partition("\n\n* `")[0]),
        [str(value) for value in schema.get("enum", ())],
        ",".join(map(str, default)) if isinstance(default, list) else str(default).lower(),
    )


def _body(components: Components, body: Schema) -> Body | None:
    content = body.get("content", {})
    if not content:
        return None
    media, given = next(iter(content.items()))
    schema = given.get("schema", {})
    sample = "" if "json" not in media else json.dumps(components.sample(schema), ensure_ascii=False, indent=2)
    part = next(iter(components.resolve(schema).get("properties", ())), "") if media.startswith("multipart/") else ""
    return Body(list(content), components.type_of(schema), sample, part)


def _answer(components: Components, status: str, answer: Schema) -> Answer:
    content = answer.get("content", {})
    schema: Schema = next((given.get("schema", {}) for given in content.values()), {})
    return Answer(status, inline(answer.get("description", "")), components.type_of(schema), list(content))


def _example(components: Components, operation: Schema) -> str:
    """Return an answer of the service as the document has it, on several lines; empty where there is none."""
    for status, answer in operation["responses"].items():
        for given in components.resolve(answer).get("content", {}).values():
            for example in given.get("examples", {}).values() if status.startswith("2") else ():
                return json.dumps(components.resolve(example)["value"], ensure_ascii=False, indent=2)
    return ""
