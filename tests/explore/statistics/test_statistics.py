"""`/statistics`: compared with counts made in Python, row by row, over the fixtures."""

from collections import Counter
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common.models.records import citable_models
from apps.common.resources.registry import viewsets
from apps.common.serializers.counts import ReportedField
from apps.evidence.models import Figure
from apps.evidence.sums.adding import AddingError
from apps.evidence.sums.summary import summarise
from apps.explore.statistics.counts import DIMENSIONS, all_countables
from apps.explore.statistics.figures import RECORDED
from apps.registry.models import District, Neighbourhood, Street
from tests import factories
from tests.conftest import Api
from tests.places import divisions_of

pytestmark = pytest.mark.django_db

YANGPU, PUTUO = "310110", "310107"
WUJIAOCHANG = "310110101"  # 五角场镇, abolished since
# Roles are those of ties between records, which have no kind.
PAIRS = [pair for pair in combinations(DIMENSIONS, 2) if set(pair) != {"role", "kind"}]
DATES = {
    "unit-names": "valid_from",
    "alliances": "founded_on",
    "memberships": "joined_on",
    "venues": "opened_on",
    "venue-services": "offered_since",
    "needs": "published_on",
    "resources": "published_on",
    "projects": "starts_on",
    "rounds": "opens_on",
    "claims": "claimed_on",
    "deliverables": "released_on",
    "events": "held_on",
    "participations": "event.held_on",
    "articles": "issued_on",
    "frameworks": "adopted_on",
    "assessments": "assessed_on",
    "scores": "assessment.assessed_on",
}

# Records that stand under a heading themselves; others do through their project.
HEADED = ("needs", "resources", "projects", "round-projects")


def at(row: Any, path: str) -> Any:
    """Return what stands at the end of a dotted path, None where it breaks off."""
    for step in filter(None, path.split(".")):
        row = getattr(row, step) if row is not None else None
    return row


def year_of(row: Any, path: str) -> str:
    first, last = at(row, f"{path}_earliest"), at(row, f"{path}_latest")
    if first is None and last is None:
        return "unknown"
    return str(first.year) if first and last and first.year == last.year else "spanning"


def value_of(row: Any, dimension: str) -> tuple[str | None, str | None]:
    """Return the vocabulary and the key of a row's value in a dimension."""
    match dimension:
        case "street" | "district":
            district, street, _neighbourhood = divisions_of(row)
            found = street if dimension == "street" else district
            return None, found.code if found else None
        case "year":
            return None, year_of(row, DATES[row.resource])
        case "category" if row.resource != "venue-services":
            heading = at(row, "category" if row.resource in HEADED else "project.category")
            return None, heading.slug if heading else None
    return f"{row.resource}.{dimension}", getattr(row, dimension)


@cache
def rows_of(resource: str) -> list[Any]:
    """Return what is counted of a resource; read once, in tests that make no rows of their own."""
    model: Any = citable_models()[resource]
    rows = model._default_manager.visible_to(None)
    if model is Neighbourhood:
        return list(rows.current().in_editions().select_related("street__district"))
    return list(rows.current() if model in (District, Street) else rows)


def given(group: dict[str, Any]) -> tuple[Any, ...]:
    return tuple((value["vocabulary"], value["key"]) if value else (None, None) for value in group["by"].values())


def expected(resources: list[str], by: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, int]]:
    """Return the counts by group and resource, made row by row."""
    counted = Counter(
        (tuple(value_of(row, name) for name in by), name_) for name_ in resources for row in rows_of(name_)
    )
    found: dict[tuple[Any, ...], dict[str, int]] = {}
    for (group, resource), number in counted.items():
        found.setdefault(group, {})[resource] = number
    return found


def test_every_resource_is_counted_or_said_not_to_be() -> None:
    left_out = {"citations", "attestations", "marks", "figures", "merges", "matches"}
    assert set(viewsets()) - set(all_countables()) == left_out


def test_every_pair_of_reported_and_recorded_is_known() -> None:
    for name, viewset in viewsets().items():
        fields: dict[str, Any] = viewset.detail_serializer_class().fields
        measures = {field.measure for field in fields.values() if isinstance(field, ReportedField)}
        assert set(RECORDED.get(name, ())) == measures, name


def test_totals_are_what_the_plain_lists_hold(api: Api) -> None:
    counted = api.get("statistics")["totals"]
    assert counted == {item["name"]: item["count"] for item in api.get("")["resources"] if item["name"] in counted}
    assert set(counted) == set(all_countables())


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_counts_by_one_dimension(api: Api, dimension: str) -> None:
    body = api.get("statistics", by=dimension, counts_only="true")
    resources = body["filters"]["resource"]
    assert resources
    assert {given(group): group["counts"] for group in body["groups"]} == expected(resources, (dimension,))


@pytest.mark.parametrize("by", PAIRS, ids=",".join)
def test_counts_by_two_dimensions_and_groups_add_up_to_totals(api: Api, by: tuple[str, str]) -> None:
    body = api.get("statistics", by=",".join(by), counts_only="true", district=f"{YANGPU},310115")
    resources = body["filters"]["resource"]
    lying = [
        row for name in resources for row in rows_of(name) if at(divisions_of(row)[0], "code") in (YANGPU, "310115")
    ]
    counted = Counter((tuple(value_of(row, name) for name in by), row.resource) for row in lying)
    found = {(given(group), name): n for group in body["groups"] for name, n in group["counts"].items()}
    assert found == dict(counted)
    added = Counter(dict.fromkeys(resources, 0))
    for group in body["groups"]:
        added.update(group["counts"])
    assert dict(added) == body["totals"]


def test_a_neighbourhood_counts_for_its_street_and_district(api: Api) -> None:
    home = factories.NeighbourhoodFactory()
    project = factories.ProjectFactory(neighbourhood=home)
    claim = factories.ClaimFactory(project=project)
    factories.DeliverableFactory(project=project)
    for place in ({"street": home.street.code}, {"district": home.street.district.code}):
        totals = api.get("statistics", **place)["totals"]
        kept = {name: number for name, number in totals.items() if number}
        assert kept.pop("districts", 1) == 1
        assert kept == {"streets": 1, "neighbourhoods": 1, "projects": 1, "claims": 1, "deliverables": 1}
    assert claim.unit.street is None


def test_the_own_place_decides(api: Api) -> None:
    venue, elsewhere = factories.VenueFactory(street=factories.StreetFactory()), factories.DistrictFactory()
    factories.EventFactory(venue=venue)
    factories.EventFactory(venue=venue, district=elsewhere)
    [group] = api.get("statistics", resource="events", by="street,district", street=venue.street.code)["groups"]
    assert group["by"]["district"]["key"] == venue.street.district.code
    assert api.get("statistics", resource="events", street=venue.street.code)["totals"] == {"events": 1}
    assert api.get("statistics", resource="events", district=elsewhere.code)["totals"] == {"events": 1}


def test_drafts_are_not_counted_and_say_nothing_of_what_hangs_on_them(api: Api) -> None:
    street = factories.StreetFactory()
    draft = factories.ProjectFactory(street=street, state="draft")
    factories.ClaimFactory(project=draft, state="draft")
    factories.FigureFactory(subject=draft, measure="of_a_draft", state="draft")
    factories.FigureFactory(subject=street, measure="draft_itself", state="draft", cited=False)
    hidden = factories.CategoryFactory(state="draft")
    factories.ProjectFactory(category=hidden, state="draft")
    body = api.get("statistics", street=street.code)
    assert {name for name, number in body["totals"].items() if number} == {"streets"}
    assert body["figures"] == []
    assert "of_a_draft" not in {entry["measure"] for entry in api.get("statistics")["figures"]}
    assert api.ask("statistics", by="category").content.decode().count(hidden.slug) == 0


@pytest.mark.parametrize(
    ("held_on", "key"),
    [("2013-06", "2013"), ("2013~", "2013"), ("2012/2013", "spanning"), ("../2013-06-27", "spanning"), ("", "unknown")],
)
def test_a_year_is_counted_only_where_it_is_certain(api: Api, held_on: str, key: str) -> None:
    street = factories.StreetFactory()
    factories.EventFactory(street=street, held_on=held_on)
    place = {"street": street.code, "resource": "events"}
    [group] = api.get("statistics", by="year", **place)["groups"]
    assert group["by"]["year"]["key"] == key
    certain = int(key == "2013")
    for narrowed in ({"year": "2011,2013"}, {"after": "2013", "before": "2013-12"}):
        assert api.get("statistics", **place, **narrowed)["totals"] == {"events": certain}


def test_as_of_counts_what_was_valid(api: Api) -> None:
    assert api.get("statistics", resource="streets", district=YANGPU)["totals"] == {"streets": 12}
    then = api.get("statistics", resource="streets", by="street", district=YANGPU, as_of="2013-06-27")
    assert then["as_of"] == "2013-06-27"
    assert WUJIAOCHANG in {group["by"]["street"]["key"] for group in then["groups"]}
    putuo = District.objects.get(code=PUTUO)
    factories.AllianceFactory(district=putuo, status="dissolved", dissolved_on="2012")
    now, after = (
        api.get("statistics", resource="alliances", district=PUTUO, as_of=day)["totals"]["alliances"]
        for day in ("2012-06-01", "2013-06-01")
    )
    assert now - after == 1


def test_reported_stands_beside_recorded(api: Api) -> None:
    body = api.get("statistics", by="street", district=YANGPU, measure="units_claiming,residents_served")
    found = {(entry["by"]["street"]["key"], entry["measure"]): entry for entry in body["figures"]}
    units = found[WUJIAOCHANG, "units_claiming"]
    alliance = api.get("alliances/wujiaochang-zhen-lianxihui")
    assert units["reported"] == {"comparator": "=", "value": 48, "reading": "48 organisations"}
    assert units["recorded"] == alliance["recorded_unit_count"] > 0
    assert units["figures"][0]["subject"]["url"] == alliance["url"]
    served = found[WUJIAOCHANG, "residents_served"]
    assert (served["unit"], served["reported"]["comparator"], served["recorded"]) == ("person_time", ">=", None)


def test_figures_are_added_where_the_summary_adds_them_and_nowhere_else(api: Api) -> None:
    body = api.get("statistics")
    listed = [figure["key"] for entry in body["figures"] for figure in entry["figures"]]
    assert sorted(listed) == sorted(Figure.objects.values_list("slug", flat=True))
    sums = 0
    for entry in body["figures"]:
        figures = list(Figure.objects.filter(slug__in=[figure["key"] for figure in entry["figures"]]))
        assert {(figure.measure, figure.unit, figure.kind) for figure in figures} == {
            (entry["measure"], entry["unit"], entry["kind"])
        }
        if entry["kind"] == "target":
            assert len(figures) == 1
            continue
        if entry["reported"] is None:
            with pytest.raises(AddingError) as error:
                summarise(figures)
            assert (entry["reason"], entry["recorded"]) == (str(error.value), None)
            continue
        total = summarise(figures).total
        assert (entry["reported"]["comparator"], entry["reported"]["value"]) == (total.comparator, total.value)
        assert entry["reason"] == ""
        sums += len(figures) > 1
    assert sums


def test_what_may_not_be_added_stands_apart(api: Api) -> None:
    street = factories.StreetFactory()
    whole = factories.AllianceFactory(street=street)
    part = factories.AllianceFactory(parent=whole, street=street)
    for subject in (whole, part):
        factories.FigureFactory(subject=subject, measure="founding_members", unit="organisation")
        factories.FigureFactory(subject=subject, measure="planned", kind="target")
    for unit in ("person", "person_time"):
        factories.FigureFactory(subject=whole, measure="helped", unit=unit)
    factories.MembershipFactory(alliance=part, role="founding_member")
    found = {(entry["measure"], entry["unit"]): entry for entry in api.get("statistics", street=street.code)["figures"]}
    twice, plan = found["founding_members", "organisation"], found["planned", "person_time"]
    assert (twice["reported"], twice["recorded"], plan["reported"]) == (None, None, None)
    assert "counted twice" in twice["reason"]
    assert plan["reason"]
    recorded = {figure["subject"]["key"]: figure["recorded"] for figure in twice["figures"]}
    assert recorded == {whole.slug: 0, part.slug: 1}
    assert {found["helped", unit]["reported"]["value"] for unit in ("person", "person_time")} == {31700}


def test_what_a_party_says_stands_beside_what_articles_report(api: Api) -> None:
    street = factories.StreetFactory()
    alliance = factories.AllianceFactory(street=street)
    values = {"subject": alliance, "measure": "founding_members", "unit": "organisation", "comparator": "="}
    factories.FigureFactory(**values, value=48)
    own = factories.FigureFactory(**values, value=51, reporter_street=street, cited=False)
    factories.AttestationFactory(record=own, unit=None, party_street=street)
    factories.MembershipFactory(alliance=alliance, role="founding_member")
    [entry] = api.get("statistics", street=street.code)["figures"]
    assert [entry[side]["value"] for side in ("reported", "attested")] == [48, 51]
    assert (entry["recorded"], entry["reason"]) == (1, "")
    assert [figure["attested"] for figure in entry["figures"]] == [
        figure["key"] == own.slug for figure in entry["figures"]
    ]
    about = f"alliances/{alliance.slug}"
    assert api.keys("figures", subject=about, attested="true") == [own.slug]
    assert own.slug not in api.keys("figures", subject=about, attested="false")
    for attested, value in (("true", 51), ("false", 48)):
        summed = api.get("figures/summary", measure="founding_members", subject=about, attested=attested)
        assert summed["value"] == value


def test_labels_are_given_in_the_language_asked_for(api: Api) -> None:
    body = api.get("statistics", by="kind,year", resource="projects", labels="true")
    kinds = {group["by"]["kind"]["key"]: group["by"]["kind"] for group in body["groups"]}
    assert kinds["brand"] == {
        "key": "brand",
        "name": None,
        "url": "/api/v1/vocabularies/projects.kind",
        "vocabulary": "projects.kind",
        "label": "Brand project",
    }
    assert all(entry["unit_label"] and entry["kind_label"] for entry in body["figures"])
    assert "label" not in str(api.get("statistics", by="kind,year", resource="projects"))


def test_more_rows_cost_no_more_statements(api: Api) -> None:
    def statements() -> int:
        parameters = {"by": "street,year", "district": district.code, "labels": "true"}
        api.get("statistics", **parameters)
        with CaptureQueriesContext(connection) as queries:
            api.get("statistics", **parameters)
        return len(queries)

    district = factories.DistrictFactory()

    def grow(depth: int) -> None:
        street, parent = factories.StreetFactory(district=district), None
        for _level in range(depth):
            parent = factories.AllianceFactory(street=street, parent=parent, founded_on="2012")
            factories.EventFactory(alliance=parent, street=street)
            factories.FigureFactory(subject=parent, measure="founding_members")

    grow(2)
    before = statements()
    grow(5)
    assert statements() == before <= 12


def test_a_huge_cube_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.explore.statistics.views.MAX_GROUPS", 100)
    [error] = api.problem("statistics", by="street")["errors"]
    assert error["parameter"] == "by"
    api.get("statistics", by="street", district=YANGPU)
    monkeypatch.setattr("apps.explore.statistics.views.MAX_FIGURES", 5)
    [error] = api.problem("statistics")["errors"]
    assert error["parameter"] == "measure"
    assert api.get("statistics", counts_only="true")["figures"] == []


@pytest.mark.parametrize(
    ("parameters", "parameter", "named"),
    [
        ({"by": "distrct"}, "by", "district"),
        ({"by": "kind,,year"}, "by", "kind"),
        ({"by": "kind,kind"}, "by", "kind"),
        ({"by": "kind,year,street"}, "by", "2"),
        ({"by": "role,heading"}, "by", "Known are"),
        ({"by": "role,kind"}, "by", "role, kind"),
        ({"resource": "alliance"}, "resource", "alliances"),
        ({"resource": "citations"}, "resource", "citations"),
        ({"resource": "alliances", "by": "role"}, "resource", "memberships"),
        ({"resource": "articles", "district": YANGPU}, "resource", "district"),
        ({"resource": "awards", "year": "2013"}, "resource", "year"),
        ({"district": "310111"}, "district", "31011"),
        ({"street": "31011010"}, "street", "31011010"),
        ({"street": "杨浦"}, "street", "杨浦"),
        ({"district": ","}, "district", "districts/"),
        ({"year": "13"}, "year", "2013"),
        ({"year": "0000"}, "year", "2013"),
        ({"year": "２０１３"}, "year", "2013"),
        ({"after": "2013-13"}, "after", "2013-13"),
        ({"after": "../2013"}, "after", "open"),
        ({"before": "2013/.."}, "before", "open"),
        ({"before": "9" * 70}, "before", "64"),
        ({"as_of": "2013"}, "as_of", "2013-06-27"),
        ({"measure": "service_provided"}, "measure", "services_provided"),
        ({"labels": "yes"}, "labels", "true"),
        ({"counts_only": "1"}, "counts_only", "true"),
        ({"format": "pdf"}, "format", "json"),
        ({"disctrict": "310110"}, "disctrict", "district"),
    ],
)
def test_bad_input_is_refused_by_name(api: Api, parameters: dict[str, str], parameter: str, named: str) -> None:
    [error] = api.problem("statistics", **parameters)["errors"]
    assert error["parameter"] == parameter
    assert named in error["detail"]


@pytest.mark.parametrize("parameter", ["by", "resource", "district", "street", "year", "after", "as_of", "measure"])
@pytest.mark.parametrize("text", ["%", "\x00", "' OR 1=1 --", "😀", "a" * 500, "1e9", "-1", "\u202e", ",,,,"])
def test_no_text_breaks_it(api: Api, parameter: str, text: str) -> None:
    api.problem("statistics", **{parameter: text})
