"""What the document would say more than once is said once, among its components, and by reference elsewhere.

Found by structure: parameters, answers and bodies that are equal are one. A parameter is called by its own name, with
that of its resource before it where another resource means something else by it.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from inspect import isclass
from typing import Any

from django.apps import apps
from django.db.models import Choices
from drf_spectacular.plumbing import list_hash

from apps.common.openapi.components import Schema, labelled
from apps.common.openapi.names import pascal, subject_of

# Behind the sentence of a field that has choices, the generator lists them; the component of the choices does so, too.
LISTED = re.compile(r"(^|\n\n)\* `.*", re.DOTALL)


def operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Yield address, method and operation."""
    for address, methods in document["paths"].items():
        for method, operation in methods.items():
            yield address, method, operation


def copied(node: Any) -> Any:
    """Return a copy of a part of the document: what is made of it leaves the original as it is."""
    if isinstance(node, dict):
        return {key: copied(inner) for key, inner in node.items()}
    return [copied(inner) for inner in node] if isinstance(node, list) else node


def walk(node: Any) -> Iterator[Schema]:
    """Yield every object of a part of the document, the outer ones first."""
    if isinstance(node, dict):
        yield node
        for inner in list(node.values()):
            yield from walk(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from walk(inner)


# Choices -------------------------------------------------------------------------------------------------------------


def choice_names() -> dict[str, type[Choices]]:
    """Return the choices of all models by the names of model and class, such as `EventKind`, as the document does."""
    return {
        f"{owner.__name__}{name}": choices
        for model in apps.get_models()
        for owner in model.__mro__
        for name, choices in vars(owner).items()
        if isclass(choices) and issubclass(choices, Choices)
    }


class ChoiceSharing:
    """Puts lists of values among the components.

    Those of models are known by their values and labels, others are called by component and property.
    """

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self.schemas = schemas
        self.known: dict[str, tuple[str, Any]] = {}
        for name, choices in choice_names().items():
            self.known.setdefault(list_hash(choices.choices), (name, choices.choices))
        # Lists that stand among the components already, by their values.
        self.listed = {frozenset(each["enum"]): name for name, each in schemas.items() if "enum" in each}

    def run(self, paths: Schema) -> None:
        """Replace every list of values in components and paths."""
        for name, schema in list(self.schemas.items()):
            for key, inner in schema.get("properties", {}).items():
                for found in walk(inner):
                    self._share(found, f"{name}{pascal(key)}")
        for found in walk(paths):
            self._share(found, "")

    def _share(self, found: Schema, name: str) -> None:
        if not isinstance(found.get("enum"), list):
            return
        choices: Any = found.pop("x-choices", None)
        number = found.pop("x-spec-enum-id", None)
        if choices is not None:
            pairs = getattr(choices, "choices", choices)
            number = list_hash([pair for pair in pairs if pair[0] not in ("", None)])
        values = [value for value in found["enum"] if value not in ("", None)]
        described = found.get("description", "")
        if number in self.known:
            name, pairs = self.known[number]
            made = {"type": "string", "enum": [str(value) for value, _label in pairs], "description": labelled(pairs)}
        else:
            name = self.listed.get(frozenset(values), name)
            made = self.schemas.get(name) or {"type": "string", "enum": values}
            if "description" not in made and (listed := LISTED.search(described)):
                made["description"] = listed[0].strip()
        if not name or found.get("type") not in ("string", ["string", "null"]):
            return
        self.schemas[name] = made
        self.listed.setdefault(frozenset(values), name)
        _replace(found, name, LISTED.sub("", described))


def _replace(found: Schema, name: str, about: str) -> None:
    """Make a schema with a list of values one that refers to it, and to the empty text and null where it took them."""
    extra: list[Schema] = [{"const": ""}] if "" in found["enum"] else []
    if "null" in found["type"]:
        extra.append({"type": "null"})
    rest = {key: value for key, value in found.items() if key not in ("enum", "type", "description")}
    found.clear()
    component = {"$ref": f"#/components/schemas/{name}"}
    found |= {"anyOf": [component, *extra]} if extra else component
    found |= rest | ({"description": about} if about else {})


# Properties ----------------------------------------------------------------------------------------------------------

MOST_PLACES = 6  # at which the same text may stand, so that a text that changes changes the document in a few lines


def share_properties(schemas: dict[str, Schema]) -> None:
    """Put properties that many objects have in common, word for word, among the components."""
    uses: dict[str, list[tuple[str, Schema, str]]] = {}
    for owner, schema in schemas.items():
        for part in (schema, *schema.get("allOf", ())):
            for key, each in part.get("properties", {}).items():
                if "$ref" not in each and "description" in each:
                    uses.setdefault(json.dumps(each, sort_keys=True), []).append((owner, part["properties"], key))
    for places in uses.values():
        name = _name_of_property({owner for owner, _properties, _key in places}, {key for *_rest, key in places})
        if len(places) > MOST_PLACES and name and name not in schemas:
            _owner, properties, key = places[0]
            schemas[name] = properties[key]
            for _owner, properties, key in places:
                properties[key] = {"$ref": f"#/components/schemas/{name}"}


def _name_of_property(owners: set[str], keys: set[str]) -> str:
    """Return what properties have in common at the end of their names, and what their objects are, as one name."""
    ends = ""
    for words in zip(*(reversed(key.split("_")) for key in keys), strict=False):
        if len(set(words)) > 1:
            break
        ends = f"{words[0]}_{ends}"
    kind = ""
    if all(owner.startswith("New") or owner.endswith("Changes") for owner in owners):
        kind = "New"
    elif all(owner.endswith("Reference") for owner in owners):
        kind = "Reference"
    return f"{kind}{pascal(ends)}Field" if ends else ""


# Parameters, answers, bodies -----------------------------------------------------------------------------------------


class Use:
    """Equal parts of the document: what they say, and where they stand."""

    def __init__(self, content: Schema) -> None:
        self.content = content
        self.places: list[tuple[Any, Any]] = []
        self.operations: list[tuple[str, str]] = []  # address and method

    def kinds(self) -> Iterator[str]:
        """Yield what all the operations have in common, the most telling first."""
        for kind in (
            {subject_of(address) for address, _method in self.operations},
            {"Record" if address.endswith("{key}") else "" for address, _method in self.operations},
            {method.capitalize().replace("Get", "") for _address, method in self.operations},
        ):
            if len(kind) == 1:
                yield from filter(None, kind)


SUFFIXES = {"parameters": "Parameter", "requestBodies": "Body", "responses": "Response"}
# Address, method, and where in the document something stands.
Place = tuple[str, str, Any, Any]


def _uses(places: Iterable[Place], own: frozenset[str]) -> list[Use]:
    """Return what stands more than once, equal parts together; what is a resource's own is equal within it only."""
    found: dict[tuple[str, str], Use] = {}
    for address, method, container, key in places:
        content = container[key]
        if "$ref" not in content:
            apart = subject_of(address) if content.get("name") in own else ""
            use = found.setdefault((apart, json.dumps(content, sort_keys=True, default=str)), Use(content))
            use.places.append((container, key))
            use.operations.append((address, method))
    return sorted((use for use in found.values() if len(use.places) > 1), key=lambda use: -len(use.places))


def share(
    document: Schema,
    kind: str,
    places: Iterable[Place],
    name: Callable[[Use], str],
    own: frozenset[str] = frozenset(),
) -> None:
    """Put what stands at several places among the components of a kind.

    Of several that would have the same name, the one in most places has it; another has before it what its operations
    have in common: their resource, that they are about one record, or their method.
    """
    components = document["components"].setdefault(kind, {})
    taken, used = document["components"]["schemas"], set(components)
    for use in _uses(places, own):
        plain = name(use)
        names = [f"{each}{plain}" for each in use.kinds()]
        if use.content.get("name") not in own:
            names.insert(0, plain)
        # Where nothing tells them apart, each stays where it is.
        if called := next((each for each in names if each not in used), ""):
            used.add(called)
            # A name is given once in all kinds of components: clients make types of all of them.
            called += SUFFIXES[kind] if called in taken else ""
            components[called] = use.content
            for container, key in use.places:
                container[key] = {"$ref": f"#/components/{kind}/{called}"}


def share_all(document: Schema) -> None:
    """Put parameters, bodies and good answers that several operations have among the components."""
    parameters = [
        (address, method, operation["parameters"], number)
        for address, method, operation in operations(document)
        for number in range(len(operation.get("parameters", ())))
    ]
    share(
        document,
        "parameters",
        parameters,
        lambda use: pascal(use.content["name"]),
        frozenset({"expand", "sort", "facets"}),
    )
    bodies = [
        (address, method, operation, "requestBody")
        for address, method, operation in operations(document)
        if "requestBody" in operation
    ]
    share(document, "requestBodies", bodies, _name_of_content)
    answers = [
        (address, method, operation["responses"], status)
        for address, method, operation in operations(document)
        for status in operation["responses"]
    ]
    share(document, "responses", answers, _name_of_content)


def _name_of_content(use: Use) -> str:
    """Return the name of the first schema to which a body or an answer refers."""
    for schema in walk(use.content.get("content", {})):
        if "$ref" in schema:
            return str(schema["$ref"].rpartition("/")[2])
    return "File" if use.content.get("content") else "Nothing"


def keep_used(document: Schema) -> None:
    """Leave out the components to which nothing refers, and sort the others."""
    components = document["components"]
    wanted: Counter[str] = Counter()
    queue = [document["paths"]]
    while queue:
        for node in walk(queue.pop()):
            if isinstance(target := node.get("$ref"), str) and not wanted[target]:
                wanted[target] += 1
                kind, name = target.split("/")[2:]
                queue.append(components[kind][name])
    for kind, content in components.items():
        if kind != "securitySchemes":
            components[kind] = {
                name: content[name] for name in sorted(content) if wanted[f"#/components/{kind}/{name}"]
            }


def share_security(document: Schema) -> None:
    """Say once what one needs for most operations, which is to be somebody."""
    needs = Counter(json.dumps(operation["security"]) for _address, _method, operation in operations(document))
    document["security"] = json.loads(needs.most_common(1)[0][0])
    for _address, _method, operation in operations(document):
        if operation["security"] == document["security"]:
            del operation["security"]
