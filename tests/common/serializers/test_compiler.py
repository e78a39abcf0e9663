"""The compiled read path says what `tests/naive.py` says: every resource, rendered both ways and compared."""

# mypy: allow-untyped-calls

import json
import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from psycopg import errors
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from apps.common.filters.base import BooleanFilter, ChoiceFilter, CommaFilter, KeyFilter
from apps.common.filters.places import PartyFilter, TargetFilter
from apps.common.filters.ranges import DateFilter
from apps.common.filters.sets import SearchFilter, facetable
from apps.common.reading.order import order_by, read_order
from apps.common.resources.registry import check_serializers, viewsets
from apps.common.serializers.compiler import Compilation, CompileError, SqlRow, json_of
from apps.common.serializers.json_sql import Bare, Constant, Unescaped, Value, Written, object_of
from apps.common.serializers.records import RecordSerializer
from apps.common.sql.slots import literal
from apps.common.sql.statement import STATEMENTS
from apps.registry.filters import IdentifierFilter
from apps.registry.models import Alliance
from tests import naive
from tests.factories import AllianceFactory, ArticleFactory, CitationFactory, FigureFactory, MembershipFactory
from tests.full import FULL, share

pytestmark = pytest.mark.django_db

RESOURCES = sorted(viewsets())
ARTICLES = Path(__file__).resolve().parents[4] / "shared" / "articles"
ROUNDS = 3 if FULL else 1


def plain(data: Any) -> Any:
    """Return what a serializer gives as a client reads it."""
    return json.loads(JSONRenderer().render(data))


def nested_paths(serializer: type[RecordSerializer]) -> Iterator[str]:
    """Yield every path that can be expanded."""
    for name, inner in serializer.expandable().items():
        yield name
        yield from (f"{name}.{deeper}" for deeper in inner.expandable())


def value_of(item: Any, name: str, rows: list[Any], chance: random.Random) -> str | None:
    """Return a value for a filter that some of the rows have."""
    row = chance.choice(rows)
    match item:
        case BooleanFilter():
            return chance.choice(list(item.TRUTHS))
        case PartyFilter():
            parties = (getattr(row, key) for row in item.model.rows().visible_to(None) for key in item.keys.values())
            named = [f"{party.resource}/{party.key}" for party in parties if party]
            return ",".join(chance.sample(named, 2)) if len(named) > 1 else None
        case ChoiceFilter():
            return ",".join(chance.sample(item.values, min(2, len(item.values))))
        case TargetFilter():
            return None if name != "within" else chance.choice(["districts/310110", "streets/310110013"])
        case KeyFilter() if "__" not in item.field_name and item.field_name != "pk":
            target = getattr(row, item.field_name)
            if row._meta.get_field(item.field_name).many_to_many:
                target = target.visible_to(None).first()
            return target.key if target else None
        case KeyFilter() if item.field_name == "pk":
            return str(row.key)
        case KeyFilter():
            found = item.target.objects.visible_to(None).order_by("?").first()
            return found.key if found else None
        case IdentifierFilter():
            found = row.identifiers.first()
            return str(found) if found else "wikidata:Q1"
        case CommaFilter():
            return str(getattr(row, item.field_name)) or None
        case DateFilter():
            return chance.choice(["2012", "2013-06", "2023~", "2021-12-31"])
        case SearchFilter():
            text = str(getattr(row, row.name_field))
            return text[: chance.randint(1, 3)].strip() or None
    if name.startswith("updated"):
        return "2026-01-01T00:00:00Z"
    return str(chance.randint(0, 3))


def ask(resource: str, chance: random.Random) -> dict[str, str]:
    """Return random parameters of a list."""
    view = viewsets()[resource]
    rows = list(view.queryset.visible_to(None)[:40])
    if not rows:
        return {}
    asked: dict[str, str] = {"page_size": str(chance.choice([1, 3, 20]))}
    for name in chance.sample(sorted(view.filterset_class.base_filters), 2):
        if value := value_of(view.filterset_class.base_filters[name], name, rows, chance):
            asked[name] = value
    if chance.random() < 0.5:
        asked["sort"] = ("-" if chance.random() < 0.5 else "") + chance.choice(sorted(view.sortable))
    if paths := list(nested_paths(view.serializer_class)):
        asked["expand"] = ",".join(chance.sample(paths, min(len(paths), chance.randint(1, 3))))
    if chance.random() < 0.3:
        asked["fields"] = ",".join(chance.sample(view.serializer_class.Meta.fields, 3))
    if chance.random() < 0.5:
        asked["labels"] = "true"
    if chance.random() < 0.3:
        asked["as_of"] = chance.choice(["2013-06-27", "2023-07-06", "2010-01-01"])
    return asked


def by_naive_code(resource: str, asked: dict[str, str]) -> list[Any]:
    """Return the page that Django's ORM and plain Python give for a request."""
    view = viewsets()[resource]
    as_of = date.fromisoformat(asked["as_of"]) if "as_of" in asked else None
    filters = view.filterset_class.base_filters
    rows = view.at_time(view.queryset.visible_to(None), as_of, frozenset(asked) & frozenset(filters))
    for name, text in asked.items():
        if name in filters:
            given = filters[name].read(text, rows.model)
            rows = rows.filter(filters[name].condition(rows.model, given.shape, given.values, None))
    order = read_order(asked, view)
    rows = rows.order_by(*order_by(rows.model, order, backwards=False))
    return shown(view.serializer_class, rows, asked, as_of, int(asked["page_size"]))


def shown(serializer_class: Any, rows: Any, asked: dict[str, str], as_of: date | None, size: int) -> list[Any]:
    """Return rows as their serializer shows them."""
    words = {name: [word for word in asked.get(name, "").split(",") if word] for name in ("expand", "fields")}
    context = {"labels": asked.get("labels") == "true", **words}
    found: list[Any] = plain(naive.shown(serializer_class, rows, context, as_of, size))
    return found


def check_same(given: Any, wanted: Any, asked: Any) -> None:
    """Compare what two ways give, then its spelling too: the order of fields, and whole numbers without a point."""
    assert given == wanted, asked
    assert json.dumps(given) == json.dumps(wanted), asked


@pytest.mark.parametrize("resource", share(1, RESOURCES, 2))
def test_a_page_is_what_naive_code_gives(client: Client, resource: str) -> None:
    chance = random.Random(resource)  # noqa: S311 - the same choices in every run
    for language in ["en", "zh-hans"] * ROUNDS:
        asked = ask(resource, chance)
        if not asked:
            pytest.skip("the fixtures hold no record of this resource")
        answer = client.get(f"/api/v1/{resource}", asked, headers={"accept-language": language})
        assert answer.status_code == 200, (asked, answer.content.decode())
        with translation.override(language):
            check_same(answer.json()["results"], by_naive_code(resource, asked), asked)


@pytest.mark.parametrize("resource", share(0, RESOURCES, 2))
def test_a_record_is_what_naive_code_gives(client: Client, resource: str) -> None:
    chance = random.Random(resource)  # noqa: S311
    view = viewsets()[resource]
    serializer = view.detail_serializer_class
    rows = view.queryset.visible_to(None)
    for key in chance.sample(sorted(row.key for row in rows), min(3 if FULL else 1, rows.count())):
        asked = {"labels": chance.choice(["true", "false"])}
        if paths := list(nested_paths(serializer)):
            asked["expand"] = ",".join(chance.sample(paths, min(len(paths), 2)))
        if chance.random() < 0.6:
            asked["as_of"] = chance.choice(["2010-01-01", "2013-06-27"])
        as_of = date.fromisoformat(asked["as_of"]) if "as_of" in asked else None
        answer = client.get(f"/api/v1/{resource}/{key}", asked, headers={"accept-language": "en"})
        assert answer.status_code == 200, answer.content.decode()
        one = rows.filter(**{rows.model.key_field: key})
        check_same([answer.json()], shown(serializer, one, asked, as_of, 1), (key, asked))


def test_drafts_and_days_and_sources_are_told_apart_both_ways(client: Client) -> None:
    """What the fixtures have none of: drafts beside published rows, rows that end, several sources of a number."""
    body = AllianceFactory()
    for joined, left in (("", ""), ("2010", "2012"), ("2020", "")):
        MembershipFactory(alliance=body, joined_on=joined, left_on=left)
    MembershipFactory(alliance=body, state="draft", cited=False)
    for issued, value in (("2013", 50), ("2015", 40), ("", 60)):
        figure = FigureFactory(subject=body, measure="units_claiming", unit="organisation", value=value)
        CitationFactory(record=figure, article=ArticleFactory(issued_on=issued), supports=["value"])
    view = viewsets()["alliances"]
    one = view.queryset.visible_to(None).filter(pk=body.pk)
    for asked in ({}, {"as_of": "2011-06-01"}, {"as_of": "2013-06-27"}, {"as_of": "2021-01-01"}):
        as_of = date.fromisoformat(asked["as_of"]) if asked else None
        given = client.get(f"/api/v1/alliances/{body.key}", asked, headers={"accept-language": "en"}).json()
        check_same([given], shown(view.detail_serializer_class, one, asked, as_of, 1), asked)
    asked = {"sort": "-updated_at", "page_size": "3"}
    check_same(client.get("/api/v1/alliances", asked).json()["results"], by_naive_code("alliances", asked), asked)


@pytest.mark.parametrize("resource", ["citations", "alliances", "projects"])
def test_quotations_are_the_same_both_ways(client: Client, resource: str) -> None:
    if not ARTICLES.is_dir():
        pytest.skip("the articles are not here")
    call_command("attach_articles", str(ARTICLES), verbosity=0)
    asked = {"page_size": "200"}
    whole = client.get(f"/api/v1/{resource}", asked).json()
    assert json.dumps(whole).count('"paragraph"') > 20
    assert json.dumps(whole).count('"quotation": null') > 10
    assert whole["results"] == by_naive_code(resource, asked)


@pytest.mark.parametrize("resource", share(0, RESOURCES, 3))
def test_a_list_costs_one_query_and_the_version(client: Client, resource: str) -> None:
    view = viewsets()[resource]
    expand = ",".join(nested_paths(view.serializer_class))
    facets = ",".join(facetable(view.filterset_class.base_filters)[:8])
    expanded = f"&expand={expand}" if expand else ""
    counted = f"&count=true&facets={facets}" if facets else "&count=true"
    client.get(f"/api/v1/{resource}?labels=true{expanded}{counted}")  # what Django keeps for good
    for extra in share(RESOURCES.index(resource), ["", expanded, counted], 2):
        STATEMENTS.clear()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/api/v1/{resource}?labels=true{extra}&page_size=7").status_code == 200
        # Beside it, what counts facets has less time and then as much as before (`reading.places`).
        read = [query["sql"][:300] for query in queries if "set_config('statement_timeout'" not in query["sql"]]
        assert len(read) == 1, read


AWKWARD = ["", "plain", 'a "b" \\ c', "two\nlines\ttab \x01", "区域化 %s %% 100%", "</script>", "\u2028"]


def read(sql: str) -> Any:
    """Return what JSON that SQL writes is to a client; it is one line of UTF-8."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}".replace("%", "%%"), [])
        (text,) = cursor.fetchone()
    assert isinstance(text, str)
    assert "\n" not in text
    return json.loads(text)


@pytest.mark.parametrize("text", AWKWARD)
def test_a_text_is_escaped_as_a_value_and_as_a_constant(text: str) -> None:
    found = read(object_of([("a", Value(f"{literal(text)}::text")), ("b", Written(literal(json.dumps(text))))]))
    assert found == {"a": text, "b": text}
    assert read(object_of([(text, Bare("1"))])) == {text: 1}


def test_each_kind_of_value_is_json() -> None:
    found = object_of(
        [
            ("none", Value("NULL::text")),
            ("no_object", Written("NULL::text")),
            ("flag", Value("true", null=False)),
            ("day", Value("DATE '2023-07-06'")),
            ("list", Value("ARRAY['a', 'b\"']")),
            ("number", Value("1.50::numeric")),
            ("whole", Bare("(SELECT count(*) FROM generate_series(1, 3))")),
            ("address", Unescaped(Constant("/api/v1/x/"), "'y'")),
        ]
    )
    assert read(found) == {
        "none": None,
        "no_object": None,
        "flag": True,
        "day": "2023-07-06",
        "list": ["a", 'b"'],
        "number": 1.5,
        "whole": 3,
        "address": "/api/v1/x/y",
    }
    assert read(object_of([])) == {}


@pytest.mark.parametrize("count", [33, 34, 50, 51, 120])
def test_an_object_may_have_more_fields_than_a_function_has_arguments(count: int) -> None:
    assert read(object_of((f"f{number}", Bare(str(number))) for number in range(count))) == {
        f"f{number}": number for number in range(count)
    }


@pytest.mark.parametrize("resource", RESOURCES)
def test_what_is_not_escaped_cannot_hold_what_has_to_be(resource: str) -> None:
    model = viewsets()[resource].queryset.model
    value = SqlRow(Compilation(), model).value("key")
    if not isinstance(value, Unescaped):
        assert model._meta.get_field(model.key_field).generated
        return
    record = model._base_manager.first()
    if record is None:
        pytest.skip("the fixtures hold no record of this resource")
    column = connection.ops.quote_name(model._meta.get_field(model.key_field).column)
    text = f"UPDATE {model._meta.db_table} SET {column} = %s WHERE id = %s"  # noqa: S608 - names of columns
    with connection.cursor() as cursor:
        # Without triggers: what is asked is whether the table itself refuses the key.
        cursor.execute("SET LOCAL session_replication_role = replica")
    for odd in ('a"b', "a\\b", "a\n"):
        with pytest.raises(DatabaseError) as refused, transaction.atomic():
            connection.cursor().execute(text, [odd, record.pk])
        assert isinstance(refused.value.__cause__, errors.CheckViolation | errors.StringDataRightTruncation)


class Odd(serializers.Field):
    """A field of a kind that nobody has taught the compiler."""


class OddSerializer(RecordSerializer):
    """An alliance with an odd field."""

    odd = Odd(source="name")

    class Meta:
        model = Alliance
        fields = ("url", "odd")


def test_a_field_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(CompileError, match=r"OddSerializer\.odd: no SQL for Odd"):
        json_of(OddSerializer(), SqlRow(Compilation(), Alliance))


def test_the_start_refuses_what_cannot_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    check_serializers()
    monkeypatch.setattr(viewsets()["alliances"], "serializer_class", OddSerializer)
    with pytest.raises(CompileError, match=r"OddSerializer\.odd"):
        check_serializers()
