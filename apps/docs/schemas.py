"""The schemas of the OpenAPI document as a person reads them: a type in a few words, an object as rows."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from apps.docs.markdown import inline

Schema = Mapping[str, Any]

DEEPEST = 3  # levels of objects within an object that are shown in its own rows


class MemberRow(NamedTuple):
    """One member of an object; `name` has the names of those it stands in before it, `[]` for each list."""

    name: str
    depth: int
    type: SafeString
    required: bool
    read_only: bool
    about: SafeString


class Component(NamedTuple):
    """A schema with a name, as one table of the page."""

    name: str
    about: SafeString
    values: list[str]
    rows: list[MemberRow]


# What a schema has that is more than a text, a number or a list.
PARTS = frozenset({"properties", "allOf", "oneOf", "anyOf", "enum", "additionalProperties"})


class Components:
    """The document's components; remembers which schemas a page has named, so that it can show each once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._named: dict[str, None] = {}

    def resolve(self, item: Schema) -> Schema:
        """Return what a reference names, of whatever kind; anything else as it is."""
        while "$ref" in item:
            found: Any = self._document
            for part in str(item["$ref"]).removeprefix("#/").split("/"):
                found = found[part]
            item = found
        return item

    def type_of(self, schema: Schema) -> SafeString:
        """Return the type of a value in a few words, with links to the schemas that it names."""
        if "$ref" in schema:
            if self._is_plain(schema):
                return self.type_of(self.resolve(schema))
            name = str(schema["$ref"]).rpartition("/")[2]
            self._named[name] = None
            return format_html('<a href="#schema-{0}">{0}</a>', name)
        for several, sign in (("oneOf", " | "), ("anyOf", " | "), ("allOf", " & ")):
            if several in schema:
                kinds = dict.fromkeys(self.type_of(each) for each in schema[several])
                return mark_safe(sign.join(kinds))  # noqa: S308  each was escaped
        if "enum" in schema:
            return format_html_join(" ", "<code>{}</code>", ((value,) for value in schema["enum"]))
        types = schema.get("type", "object" if "properties" in schema else [])
        plain = dict.fromkeys(self._plain(each, schema) for each in ([types] if isinstance(types, str) else types))
        return mark_safe(" | ".join(plain))  # noqa: S308  each was escaped

    def _plain(self, kind: str, schema: Schema) -> str:
        if kind == "array":
            return gettext("list of %(type)s") % {"type": self.type_of(schema.get("items", {})) or gettext("anything")}
        return escape(f"{kind} ({schema['format']})" if schema.get("format") and kind != "null" else kind)

    def _is_plain(self, schema: Schema) -> bool:
        """Tell whether a reference names a text, a number or a list: a member that many objects have in common."""
        return "$ref" in schema and not PARTS & set(self.resolve(schema))

    def rows(self, schema: Schema, before: str = "", depth: int = 0) -> Iterator[MemberRow]:
        """Yield the members of an object, each followed by those of the objects that it holds."""
        for part in schema.get("allOf", ()):
            yield from self.rows(self.resolve(part), before, depth)
        for name, member in schema.get("properties", {}).items():
            if self._is_plain(member):
                member = self.resolve(member)
            yield MemberRow(
                f"{before}{name}",
                depth,
                self.type_of(member),
                name in schema.get("required", ()),
                bool(member.get("readOnly")),
                inline(about(member) or about(self.resolve(member))),
            )
            inner, suffix = member, "."
            while inner.get("type") == "array":
                inner, suffix = inner["items"], f"[]{suffix}"
            if depth < DEEPEST and "properties" in inner:
                yield from self.rows(inner, f"{before}{name}{suffix}", depth + 1)

    def named(self) -> list[Component]:
        """Return the schemas that were named so far, and those that these name, each once."""
        found: dict[str, Component] = {}
        while new := [name for name in self._named if name not in found]:
            for name in new:
                schema = self._document["components"]["schemas"][name]
                values = [str(value) for value in schema.get("enum", ())]
                text = schema.get("description", "") if values else about(schema)
                found[name] = Component(name, inline(text), values, list(self.rows(schema)))
        return [found[name] for name in sorted(found)]

    def sample(self, schema: Schema) -> Any:
        """Return a value with which a body can begin: of objects the members that are needed."""
        schema = self.resolve(schema)
        if "allOf" in schema:
            parts = [self.sample(each) for each in schema["allOf"]]
            objects = [part for part in parts if isinstance(part, dict)]
            return {name: value for part in objects for name, value in part.items()} if objects else parts[0]
        for several in ("oneOf", "anyOf"):
            if several in schema:
                return self.sample(schema[several][0])
        for told in ("example", "default"):
            if told in schema:
                return schema[told]
        if schema.get("enum"):
            return schema["enum"][0]
        if "properties" in schema:
            needed = [name for name in schema["properties"] if name in schema.get("required", ())]
            return {name: self.sample(schema["properties"][name]) for name in needed}
        kind = schema.get("type", "string")
        kind = kind if isinstance(kind, str) else kind[0]
        if kind == "array":
            return [self.sample(schema.get("items", {}))]
        return {"integer": 0, "number": 0, "boolean": False, "null": None, "object": {}}.get(kind, "")


def about(schema: Schema) -> str:
    """Return what is said of a value, without the list of its choices, which stands with their schema."""
    text = str(schema.get("description", ""))
    return text.partition("\n\n* `")[0] if "$ref" in str(schema) or "allOf" in schema else text
