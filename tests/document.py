"""Reading the OpenAPI document: what stands there by reference, in its place."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

SHARED = "#/components/"


def inlined(document: Any) -> Any:
    """Return the document with parameters, bodies, answers and headers where they are used; schemas stay references."""

    def put(node: Any) -> Any:
        if isinstance(node, list):
            return [put(each) for each in node]
        if not isinstance(node, dict):
            return node
        target = node.get("$ref")
        if isinstance(target, str) and target.startswith(SHARED) and "/schemas/" not in target:
            kind, name = target.removeprefix(SHARED).split("/")
            return put(document["components"][kind][name])
        return {key: put(each) for key, each in node.items()}

    return {**document, "paths": put(document["paths"])}


def operations(document: Any) -> list[tuple[str, str, Any]]:
    """Return address, method and operation of each."""
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def schema_named(document: Any, schema: Any) -> Any:
    """Return the schema that a reference names, or itself."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def flat(document: Any, schema: Any) -> Any:
    """Return an object with what it has from others: all its properties, and which of them are required."""
    schema = schema_named(document, schema)
    bases = [flat(document, each) for each in schema.get("allOf", ())]
    found = {**schema, "properties": {}, "required": []}
    for each in (*bases, schema):
        found["properties"] |= each.get("properties", {})
        found["required"] += each.get("required", [])
    if found.pop("allOf", None):
        found["type"] = "object"
    return found


def closed(document: Any) -> Any:
    """Return the components, such that an answer may have no property that is not there."""
    schemas = {}
    for name, schema in document["components"]["schemas"].items():
        found = flat(document, schema) if "allOf" in schema else dict(schema)
        if found.get("type") == "object" and "properties" in found and "additionalProperties" not in found:
            found["additionalProperties"] = False
        schemas[name] = found
    return {**document["components"], "schemas": schemas}


def walk(node: Any) -> Iterator[Any]:
    """Yield every object of a part of the document."""
    if isinstance(node, dict):
        yield node
        for each in node.values():
            yield from walk(each)
    elif isinstance(node, list):
        for each in node:
            yield from walk(each)


def validator(components: Any, schema: Any) -> jsonschema_rs.Draft202012Validator:
    """Return what holds an answer against a schema; it is given what the schema leads to, since all takes a second."""
    wanted: dict[str, Any] = {}
    queue = [schema]
    while queue:
        for node in walk(queue.pop()):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in wanted:
                wanted[name] = components["schemas"][name]
                queue.append(wanted[name])
    return jsonschema_rs.Draft202012Validator({**schema, "components": {"schemas": wanted}})
