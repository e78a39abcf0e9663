"""The conventions of the API, looped over the router and the models: a new resource is tested before it is written."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from apps.common.filters.base import BooleanFilter, ChoiceFilter, CommaFilter, KeyFilter
from apps.common.filters.places import PartyFilter, TargetFilter, TreeFilter
from apps.common.filters.ranges import BoundFilter, DateFilter
from apps.common.models.records import Citable, Record, citable_models
from apps.common.resources.registry import viewsets
from apps.common.resources.views import RecordViewSet, choice_fields
from apps.evidence.filters import AttachedFilter, AttestedFilter
from apps.registry.filters import IdentifierFilter, WithinFilter
from apps.registry.models import PARTY_KEYS, Neighbourhood, Placed
from tests import factories
from tests.assessments import test_models as assessment_models
from tests.events import test_models as event_models
from tests.evidence import test_models as evidence_models
from tests.full import FULL, share
from tests.identity import test_models as identity_models
from tests.projects import test_models as project_models
from tests.registry import test_models as registry_models
from tests.rows import in_step

pytestmark = pytest.mark.django_db

RESOURCES = sorted(viewsets())
HOSTILE = ["%", "_", "\\", "'", '"', "；", "(", "*", "😀", "‮", "a" * 200, "%25", "' OR 1=1 --", "五角场 联席", "wjc"]


def factory(model: type[models.Model]) -> Any:
    """Return the factory of a model."""
    return getattr(factories, f"{model.__name__}Factory")


def full_row(model: type[Citable], depth: int = 1) -> Any:
    """Make a row in which every reference points at a row of its own."""
    rows: dict[str, Any] = {}
    left_out = {key for keys in model.parties.values() for key in keys[1:]}
    left_out |= {"unit", "street"} if model.__name__ == "Assessment" else set()
    for field in model._meta.fields:
        if not isinstance(field, models.ForeignKey) or not issubclass(field.related_model, Citable):
            continue
        if depth and field.editable and field.name not in left_out:
            rows[field.name] = full_row(field.related_model, depth - 1)
    if issubclass(model, Placed):
        rows |= in_step(model, rows)
    if "committee" in rows:
        rows |= {"kind": "estate", "code": None, "slug": f"estate-{rows['street'].code}"}
    if model.__name__ == "Participation":
        rows["role"] = "awardee"
    if model.__name__ == "Score":
        rows["dimension"] = factories.DimensionFactory(framework=rows["assessment"].framework)
    return factory(model)(**rows)


def queries_of(client: Client, address: str) -> int:
    """Return how many queries an address costs, once what Django keeps for good is there."""
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200, answer.content.decode()
    return len(queries)


@pytest.mark.parametrize("resource", share(0, RESOURCES, 2))
def test_a_list_of_fifty_costs_as_many_queries_as_one_of_three(client: Client, resource: str) -> None:
    model = viewsets()[resource].queryset.model
    size = 50 if FULL else 10
    for number in range(size):
        # Rows whose references are all different, among plainer ones.
        full_row(model) if number % 5 == 0 else factory(model)()
    kind = "&kind=estate,residents_committee" if resource == "neighbourhoods" else ""
    address = f"/api/v1/{resource}?labels=true{kind}&page_size="
    assert queries_of(client, f"{address}{size}") == queries_of(client, f"{address}3")
    assert len(client.get(f"{address}{size}").json()["results"]) == size


def add_nested(record: Any) -> None:
    """Make one more row at each end of what points at a record."""
    for relation in record._meta.related_objects:
        model, name = relation.related_model, relation.field.name
        if not relation.field.editable:  # the place of a row that names the division itself, which is made below
            continue
        if relation.many_to_many:
            row = factory(model)()
            getattr(record, relation.get_accessor_name()).add(row)
            factories.rest(row)
        elif issubclass(model, Citable):
            factory(model)(**{name: record, **going_with(model, name, record)})
    if record._meta.app_label != "evidence":
        factories.CitationFactory(record=record)
        factories.FigureFactory(subject=record)


def going_with(model: type[models.Model], name: str, record: Any) -> dict[str, Any]:
    """Return what else a row needs that points at a record by the field `name`."""
    match model.__name__, name:
        case "Assessment", "unit" | "street":
            return {"neighbourhood": None}
        case "Participation" | "ProjectPartner" | "Attestation", key if key in PARTY_KEYS[1:]:
            return {"unit": None}
        case "Participation", "award":
            return {"role": "awardee"}
        case "Neighbourhood", "committee":
            return {"kind": "estate", "code": None, "slug": f"estate-{record.pk}-{record.estates.count()}"}
        case "Score", "assessment":
            return {"dimension": factories.DimensionFactory(framework=record.framework)}
        case "Score", "dimension":
            return {"assessment": factories.AssessmentFactory(framework=record.framework)}
    return {}


@pytest.mark.parametrize("resource", share(1, RESOURCES, 2))
def test_a_detail_costs_as_many_queries_however_much_is_nested(client: Client, resource: str) -> None:
    record = full_row(viewsets()[resource].queryset.model)
    expand = ",".join(viewsets()[resource].detail_serializer_class.expandable())
    address = f"/api/v1/{resource}/{record.key}?labels=true" + (f"&expand={expand}" if expand else "")
    add_nested(record)
    before = queries_of(client, address)
    for _round in range(3):
        add_nested(record)
    assert queries_of(client, address) == before


def sought(row: Any, path: str) -> Any:
    """Return what stands at the end of a path of relations, of several rows the first."""
    for step in path.split("__"):
        row = getattr(row, step)
        row = row.first() if hasattr(row, "first") else row
    return row


def place_of(record: Any, item: WithinFilter) -> str | None:
    """Return a division in which a record lies, as `resource/key`."""
    places = [sought(record, path) for path in item.paths.values()]
    return next((f"{place.resource}/{place.key}" for place in places if place), None)


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_filter_keeps_what_fits_and_drops_the_rest(client: Client, resource: str) -> None:
    viewset = viewsets()[resource]
    model = viewset.queryset.model
    other, record = full_row(model), full_row(model)
    add_nested(other)
    add_nested(record)
    record.refresh_from_db()  # what the database made
    for name, item in viewset.filterset_class.base_filters.items():
        match item:
            case KeyFilter() if item.field_name == "citations__article":
                given = factories.CitationFactory(record=record, article=factories.ArticleFactory()).article.key
            case TreeFilter():
                family = record.parent if item.below else model._base_manager.filter(parent=record).first()
                given = family.key if family else None
            case KeyFilter():
                value = sought(record, item.field_name)
                given = value.key if value else None
            case WithinFilter():
                given = place_of(record, item)
            case PartyFilter():
                holder = (
                    sought(record, item.model._meta.get_field(item.through_field).remote_field.related_name)
                    if (item.through_field)
                    else record
                )
                party = getattr(holder, item.model.parties[item.name][0])
                given = f"{party.resource}/{party.key}"
            case AttachedFilter():
                continue  # needs a text: tests/evidence/texts
            case AttestedFilter():
                factories.AttestationFactory(record=record)
                record.citations.all().delete()
                given = "true"
            case BooleanFilter():
                model._base_manager.filter(pk=record.pk).update(unit=None, as_written="某些单位", group=True)
                given = "true"
            case TargetFilter():
                target = getattr(record, "record", None) or record.subject
                given = f"{target.resource}/{target.key}"
            case IdentifierFilter():
                given = str(record.identifiers.first())
            case CommaFilter() if not isinstance(item, ChoiceFilter):
                model._base_manager.filter(pk=record.pk).update(
                    **({item.field_name: f"only_{name}"} if name != "official_code" else {})
                )
                record.refresh_from_db()
                given = getattr(record, item.field_name)
            case _:
                continue
        if given is None:
            continue
        kind = "&kind=estate,residents_committee" if resource == "neighbourhoods" else ""
        address = f"/api/v1/{resource}?sort=-updated_at&page_size=200&fields=url{kind}&{urlencode({name: given})}"
        found = [row["url"] for row in client.get(address).json()["results"]]
        assert f"/api/v1/{resource}/{record.key}" in found, name
        assert f"/api/v1/{resource}/{other.key}" not in found, name
    factories.rest(record)


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_list_is_read_through_by_pages_and_back(client: Client, resource: str) -> None:
    model = viewsets()[resource].queryset.model
    for _number in range(5):
        factory(model)()
    whole = client.get(f"/api/v1/{resource}?page_size=200").json()["results"][:6]
    first = client.get(f"/api/v1/{resource}?page_size=2").json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    paged = [*first["results"], *second["results"], *third["results"]]
    assert [row["url"] for row in paged] == [row["url"] for row in whole]
    back = client.get(third["previous"]).json()
    assert [row["url"] for row in back["results"]] == [row["url"] for row in second["results"]]


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_sort_key_works_both_ways_and_pages_meet(client: Client, resource: str) -> None:
    viewset = viewsets()[resource]
    for _number in range(4):
        factory(viewset.queryset.model)()
    for number, key in enumerate(viewset.sortable, RESOURCES.index(resource)):
        for sort in share(number, (key, f"-{key}"), 2):
            whole = client.get(f"/api/v1/{resource}?sort={sort}&page_size=6").json()["results"]
            first = client.get(f"/api/v1/{resource}?sort={sort}&page_size=3").json()
            second = client.get(first["next"]).json()["results"] if first["next"] else []
            assert [row["url"] for row in [*first["results"], *second]][: len(whole)] == [row["url"] for row in whole]


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_filter_takes_what_it_should_and_refuses_the_rest(client: Client, resource: str) -> None:
    viewset: type[RecordViewSet] = viewsets()[resource]
    filters = [*viewset.filterset_class.base_filters.items()]  # type: ignore[attr-defined]
    for name, item in share(RESOURCES.index(resource), filters, 3):
        match item:
            case ChoiceFilter():
                good, bad = ",".join(item.values), "no-such-value"
            case KeyFilter():
                target = item.target if not isinstance(item.target, str) else citable_models()["articles"]
                good, bad = factory(target)().key, "no-such-key"
            case WithinFilter():
                good, bad = f"districts/{factories.DistrictFactory().code}", "alliances/no-such-key"
            case BooleanFilter():
                good, bad = "false", "0"
            case TargetFilter():
                good, bad = f"alliances/{factories.AllianceFactory().slug}", "alliances/no-such-key"
            case BoundFilter():
                good, bad = ("2026-01-31T08:00:00Z" if "updated" in name else "1"), "1e999"
            case DateFilter():
                good, bad = "2012-06", "2012-13"
            case IdentifierFilter():
                good, bad = "wikidata:Q1,ror:013q1eq08", "wikidata:P1"
            case CommaFilter():
                good, bad = "word", "word,,word"
            case _:
                good, bad = "词", "词" * 300
        accepted = client.get(f"/api/v1/{resource}", {name: good})
        assert accepted.status_code == 200, (name, accepted.content.decode())
        refused = client.get(f"/api/v1/{resource}", {name: bad})
        assert refused.status_code == 400, name
        assert refused.json()["errors"][0]["parameter"] == name


@pytest.mark.parametrize("resource", RESOURCES)
def test_what_is_unknown_is_refused_by_name_with_the_nearest(client: Client, resource: str) -> None:
    for query, parameter, nearest in (
        ("pagesize=3", "pagesize", "page_size"),
        ("sort=updated_att", "sort", "updated_at"),
        ("fields=updatedat", "fields", "updated_at"),
        ("facets=nothing-like-it", "facets", ""),
    ):
        answer = client.get(f"/api/v1/{resource}?{query}", headers={"Accept-Language": "en"})
        assert answer.status_code == 400
        assert answer.headers["Content-Type"] == "application/problem+json"
        [error] = answer.json()["errors"]
        assert error["parameter"] == parameter
        assert nearest in error["detail"]
    assert client.get(f"/api/v1/{resource}?expand=nothing").status_code == 400


@pytest.mark.parametrize("resource", RESOURCES)
def test_q_takes_any_text(client: Client, resource: str) -> None:
    for text in share(RESOURCES.index(resource), HOSTILE, 4):
        assert client.get(f"/api/v1/{resource}", {"q": text}).status_code == 200, text


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_reference_expands_and_every_field_is_picked(client: Client, resource: str) -> None:
    viewset = viewsets()[resource]
    row = full_row(viewset.queryset.model)
    serializer = viewset.detail_serializer_class
    for name in serializer.expandable():
        whole = client.get(f"/api/v1/{resource}/{row.key}?expand={name}")
        assert whole.status_code == 200, whole.content.decode()
        if whole.json()[name] is not None:
            assert "updated_at" in whole.json()[name]
    names = serializer.Meta.fields  # type: ignore[attr-defined]
    for name in share(RESOURCES.index(resource), names, 3):
        assert list(client.get(f"/api/v1/{resource}/{row.key}?fields={name}").json()) == [name]


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_record_that_is_not_there_is_404(client: Client, resource: str) -> None:
    keys = ["no-such-record", "0", "-1", "%00x", "%ff", "１", "a" * 300]
    for key in share(RESOURCES.index(resource), keys, 3):
        answer = client.get(f"/api/v1/{resource}/{key}")
        assert answer.status_code in (400, 404), key
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("resource", RESOURCES)
def test_drafts_are_seen_nowhere(client: Client, resource: str) -> None:
    model = viewsets()[resource].queryset.model
    if not any(field.name == "state" for field in model._meta.fields):
        pytest.skip("no drafts of this resource")
    draft = factory(model)(state="draft")
    assert client.get(f"/api/v1/{resource}/{draft.key}").status_code == 404
    listed = client.get(f"/api/v1/{resource}?sort=-updated_at&page_size=5&fields=url").json()["results"]
    assert draft.key not in [row["url"].rpartition("/")[2] for row in listed]
    citations = client.get("/api/v1/citations?sort=-updated_at&page_size=5").json()["results"]
    assert draft.citations.get().slug not in [citation["slug"] for citation in citations]


@pytest.mark.parametrize("model", citable_models().values(), ids=lambda model: model.__name__)
def test_every_model_says_what_it_holds_in_both_languages(model: type[Citable]) -> None:
    for language in ("zh-hans", "en"):
        with translation.override(language):
            assert str(model._meta.verbose_name)
            for field in model._meta.fields:
                if field.name not in ("id",):
                    assert str(field.help_text), f"{model.__name__}.{field.name}"
            for field in choice_fields(model):
                assert all(str(label) for _value, label in field.choices)
    assert factory(model)().pk


@pytest.mark.parametrize("model", citable_models().values(), ids=lambda model: model.__name__)
def test_every_resource_has_a_route_and_a_total_order(model: type[Citable]) -> None:
    viewset = viewsets()[model.resource]
    assert viewset.queryset.model is model
    column: Any = model._meta.get_field(model.key_field)
    constraints = [item for item in model._meta.constraints if isinstance(item, models.UniqueConstraint)]
    assert column.unique or (model.key_field,) in [item.fields for item in constraints]
    assert viewset.default_sort.removeprefix("-") in viewset.sortable


def test_every_constraint_is_broken_once_in_a_test() -> None:
    """In the `VIOLATIONS` of each app; that slugs are plain is tested for all records together."""
    named = {
        constraint.name
        for model in citable_models().values()
        for constraint in model._meta.constraints
        if not constraint.name.endswith("_slug_ascii") or model is Neighbourhood
    }
    broken = [registry_models, identity_models, project_models, event_models, evidence_models, assessment_models]
    assert {name for module in broken for name in module.VIOLATIONS} == named


@pytest.mark.parametrize("model", [model for model in citable_models().values() if issubclass(model, Record)])
def test_no_slug_is_stored_that_is_not_plain(model: type[Record]) -> None:
    row = factory(model)()
    assert f"{model._meta.db_table}_slug_ascii" in [constraint.name for constraint in model._meta.constraints]
    with pytest.raises(ValidationError) as error:
        factory(model).build(slug="Not_Plain").clean_fields()
    assert "slug" in error.value.message_dict
    table = connection.ops.quote_name(model._meta.db_table)
    columns = [
        connection.ops.quote_name(field.column)
        for field in model._meta.concrete_fields
        if not field.generated and field.name not in ("id", "slug")
    ]
    names = ", ".join(columns)
    with (
        pytest.raises(IntegrityError, match=f"{model._meta.db_table}_slug_ascii"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"INSERT INTO {table} (slug, {names}) SELECT 'Not_Plain', {names} FROM {table} WHERE id = %s",  # noqa: S608
            [row.pk],
        )


def test_every_rule_of_a_row_has_a_sentence_of_its_own() -> None:
    """One rule has one sentence, wherever it holds; what Django would say names a constraint."""
    rules: dict[str, set[tuple[str, str]]] = {}
    for model in apps.get_models():
        if not model.__module__.startswith("apps."):
            continue
        for constraint in model._meta.constraints:
            sentence = str(constraint.violation_error_message)
            if isinstance(constraint, models.CheckConstraint):
                assert sentence != str(constraint.default_violation_error_message), constraint.name
                suffix = constraint.name.removeprefix(f"{model._meta.db_table}_")
                rules.setdefault(sentence, set()).add((suffix, str(constraint.condition)))
            else:  # of equal values in fields Django says which; it has no words for a condition
                assert constraint.fields, constraint.name
                said = sentence != str(constraint.default_violation_error_message)
                assert constraint.condition is None or said, constraint.name
    assert [rule for rule in rules.values() if len(rule) > 1] == []
