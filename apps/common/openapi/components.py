"""Schemas that no serializer describes, each under its name in the document's components."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from apps.common.http.problems import PROBLEMS

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
ADDRESS: Schema = {"type": "string", "format": "uri-reference"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
COUNT: Schema = {"type": "integer", "minimum": 0}
BOOLEAN: Schema = {"type": "boolean"}

# By name; what no operation leads to is left out of the document.
COMPONENTS: dict[str, Schema] = {}


def reference(name: str, about: str = "") -> Schema:
    """Return a reference to a schema of the components, which may say more than the schema does."""
    return {"$ref": f"#/components/schemas/{name}"} | ({"description": about} if about else {})


def nullable(schema: Schema, about: str) -> Schema:
    """Return a schema that also takes null."""
    return {"anyOf": [schema, {"type": "null"}], "description": about}


def array(items: Schema, about: str) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items, "description": about}


def component(name: str, about: str, optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """Put an object among the components, all whose properties are always there but the optional ones.

    Returns a reference to it.
    """
    schema = {"type": "object", "description": about, "properties": properties}
    if required := [each for each in properties if each not in optional]:
        schema["required"] = required
    COMPONENTS[name] = schema
    return reference(name)


def choice(name: str, values: list[str], about: str) -> Schema:
    """Put a list of values among the components; return a reference to it."""
    COMPONENTS[name] = {"type": "string", "enum": values, "description": about}
    return reference(name)


def labelled(choices: Iterable[tuple[str, "StrOrPromise"]]) -> str:
    """Return the description of values, one a line, with what each means."""
    return "\n".join(f"* `{value}` - {label}" for value, label in choices)


# Every component that has a link to the next page says so in the same words.
NEXT: Schema = {
    "type": ["string", "null"],
    "format": "uri-reference",
    "description": "Address of the next page, or null on the last one.",
}
NEXT_CURSOR: Schema = {
    "type": ["string", "null"],
    "description": "`cursor` of the next page, or null on the last one.",
}

PROBLEM = component(
    "Problem",
    "What went wrong (RFC 9457).",
    ("errors",),
    type={**ADDRESS, "description": "Address of what is written about this kind of problem."},
    title={**STRING, "description": "The kind of problem in a few words."},
    status={"type": "integer", "minimum": 400, "maximum": 599, "description": "HTTP status."},
    detail={**STRING, "description": "What was wrong this time, in the language asked for."},
    instance={**ADDRESS, "description": "Address that was asked for."},
    code=choice("ProblemCode", list(PROBLEMS), "The kind of problem, for programs."),
    request_id={**STRING, "description": "Identifier of the request, also in `X-Request-ID`."},
    errors=array(
        component(
            "ProblemError",
            "A parameter or a place in the body that was wrong.",
            ("parameter", "pointer"),
            parameter={**STRING, "description": "Name of the query parameter."},
            pointer={**STRING, "description": "Place in the body, as a JSON Pointer."},
            code={**STRING, "description": "Kind of error, for programs."},
            detail={**STRING, "description": "What was wrong, in the language asked for."},
        ),
        "Each parameter or place in the body that was wrong.",
    ),
)
INDEX = component(
    "Index",
    "What there is.",
    name={**STRING, "description": "Name of the service."},
    version={**STRING, "description": "Version of the interface."},
    resources=array(
        component(
            "IndexResource",
            "A resource.",
            name={**STRING, "description": "Name of the resource, as in addresses."},
            title={**STRING, "description": "Title in the language asked for."},
            description={**STRING, "description": "What it holds."},
            tag={**STRING, "description": "Domain to which it belongs."},
            count={**COUNT, "description": "Records in the plain list."},
            url={**ADDRESS, "description": "Address of the list."},
        ),
        "Every resource.",
    ),
    vocabularies={**ADDRESS, "description": "Address of the vocabularies."},
    openapi={**ADDRESS, "description": "Address of the OpenAPI document."},
    documentation={**ADDRESS, "description": "Address of the documentation."},
    license=nullable(
        component(
            "IndexLicence",
            "A licence.",
            name={**STRING, "description": "Name of the licence."},
            url={**STRING, "format": "uri", "description": "Address of the licence."},
        ),
        "Licence of the data, where whoever runs the service states one.",
    ),
)
VOCABULARY = component(
    "Vocabulary",
    "A vocabulary: the values of one choice field.",
    name={**STRING, "description": "Name of the vocabulary: resource and field."},
    resource={**STRING, "description": "Resource that uses it."},
    field={**STRING, "description": "Field whose values it holds."},
    description={**STRING, "description": "What the field says."},
    values=array(
        component(
            "VocabularyValue",
            "A value of a vocabulary.",
            value={**STRING, "description": "Value on the wire."},
            labels=component(
                "VocabularyLabels",
                "Labels by language tag.",
                **{
                    "zh-Hans": {**STRING, "description": "Label in Chinese."},
                    "en": {**STRING, "description": "Label in English."},
                },
            ),
        ),
        "The values, in the order of forms.",
    ),
    url={**ADDRESS, "description": "Address of the vocabulary."},
)
VOCABULARIES = component("VocabularyList", "All vocabularies.", results=array(VOCABULARY, "The vocabularies."))
FACET = component(
    "Facet",
    "How many of the records have a value.",
    ("name", "label"),
    value={"type": ["string", "null"], "description": "Value, as the parameter takes it."},
    name={"type": ["string", "null"], "description": "Name of the record whose key the value is."},
    label={**STRING, "description": "With `labels=true`: label of the choice."},
    count={"type": "integer", "minimum": 1, "description": "Records with the value."},
)
FACETS = reference("Facets")
COMPONENTS["Facets"] = {
    "type": "object",
    "description": "With `facets=…`: for each parameter that is named, how many of the records that the filters leave"
    " have which value, the most frequent first; null stands for none. At most 100.",
    "additionalProperties": array(FACET, "Values, the most frequent first."),
}
OPERATION = choice("ChangeOperation", ["insert", "update", "delete"], "What is done: added, changed or deleted.")
FIELD_CHANGE = component(
    "FieldChange",
    "A field that changes; references are keys.",
    field={**STRING, "description": "Name of the field."},
    before={"description": "Value before the change; null where there was none."},
    after={"description": "Value after the change; null where there is none."},
)
