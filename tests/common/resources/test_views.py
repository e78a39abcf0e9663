"""Lists and details over HTTP: references, expansion, choice of fields, labels, the index, vocabularies."""

# mypy: allow-untyped-calls

from typing import Any

import pytest
from django.utils import translation

from apps.common.models.records import citable_models
from apps.common.resources.registry import viewsets
from apps.common.resources.views import choice_fields
from apps.registry.models import Alliance
from tests.conftest import Api
from tests.factories import (
    AllianceFactory,
    ArticleFactory,
    CitationFactory,
    MembershipFactory,
    MemberUnitFactory,
    ProjectFactory,
    StreetFactory,
)


@pytest.fixture
def project(db: None) -> Any:
    """Return a project of an alliance of a street."""
    street = StreetFactory(code="990000777", name="测试街道")
    parent = AllianceFactory(slug="whole-alliance", name="大联盟", street=street)
    alliance = AllianceFactory(slug="an-alliance", name="测试联盟", parent=parent, street=street)
    return ProjectFactory(slug="a-project", name="测试项目", alliance=alliance, street=street)


# References ---------------------------------------------------------------------------------------------------------


def test_a_reference_is_key_name_and_address(api: Api, project: Any) -> None:
    body = api.get("projects/a-project")
    assert body["alliance"] == {"key": "an-alliance", "name": "测试联盟", "url": "/api/v1/alliances/an-alliance"}
    assert body["street"] == {"key": "990000777", "name": "测试街道", "url": "/api/v1/streets/990000777"}
    assert body["parent"] is None
    assert body["url"] == "/api/v1/projects/a-project"


def test_addresses_lead_to_what_they_name(api: Api, project: Any) -> None:
    body = api.get("projects/a-project")
    for reference in (body, body["alliance"], body["street"], body["citations"][0], body["citations"][0]["article"]):
        assert api.get(reference["url"])["url"] == reference["url"]


def test_no_internal_key_leaves_the_service(api: Api, project: Any) -> None:
    body = api.get("projects/a-project")
    assert {"id", "pk", "content_type", "object_id", "search_text", "match_key"} & set(body) == set()


def test_a_detail_is_the_row_of_the_list_and_more(api: Api, project: Any) -> None:
    (row,) = api.results("projects", street="990000777")
    whole = api.get(row["url"])
    assert {name: whole[name] for name in row} == row
    assert set(whole) - set(row) >= {"parts", "partners", "claims", "deliverables", "events", "figures"}


def test_citations_stand_in_reading_order(api: Api) -> None:
    alliance = AllianceFactory(slug="an-alliance", cited=False, state="draft")
    article = ArticleFactory()
    for start in (30, 10, 20):
        supports = ["name", "kind", "status"]
        CitationFactory(article=article, record=alliance, start=start, end=start + 5, supports=supports)
    Alliance.objects.filter(pk=alliance.pk).update(state="published")
    citations = api.get("alliances/an-alliance")["citations"]
    assert [(citation["start"], citation["end"]) for citation in citations] == [(10, 15), (20, 25), (30, 35)]
    assert citations[0]["supports"] == ["name", "kind", "status"]
    assert citations[0]["article"]["key"] == article.slug


def test_names_are_never_translated(api: Api, project: Any) -> None:
    chinese = api.client.get("/api/v1/projects/a-project", headers={"accept-language": "zh-Hans"}).json()
    english = api.get("projects/a-project")
    for body in (english, chinese):  # why there are no words is said in the reader's language
        assert all(citation.pop("unquoted_because") for citation in body["citations"])
    assert english == chinese


# Expansion ----------------------------------------------------------------------------------------------------------


def test_an_expanded_reference_is_the_whole_record_beside_key_name_and_address(api: Api, project: Any) -> None:
    body = api.get("projects/a-project", expand="alliance,street")
    (row,) = [found for found in api.results("alliances", street="990000777") if found["slug"] == "an-alliance"]
    assert body["alliance"] == {"key": "an-alliance", **row}
    assert body["street"]["kind"] == "subdistrict"
    assert list(body["street"])[:3] == ["key", "name", "url"]
    assert body["parent"] is None


def test_a_list_expands_as_a_detail_does(api: Api, project: Any) -> None:
    (row,) = api.results("projects", street="990000777", expand="alliance.parent,street")
    whole = api.get("projects/a-project", expand="alliance.parent,street")
    assert (row["alliance"], row["street"]) == (whole["alliance"], whole["street"])


def test_a_dot_goes_one_step_deeper(api: Api, project: Any) -> None:
    body = api.get("projects/a-project", expand="alliance.parent,alliance.street")
    assert body["alliance"]["parent"]["slug"] == "whole-alliance"
    assert body["alliance"]["parent"]["parent"] is None
    assert body["alliance"]["parent"]["street"] == {
        "key": "990000777",
        "name": "测试街道",
        "url": "/api/v1/streets/990000777",
    }
    assert body["alliance"]["street"]["kind"] == "subdistrict"


def test_an_expanded_record_counts_what_it_has(api: Api, project: Any) -> None:
    MembershipFactory(alliance=project.alliance)
    body = api.get("projects/a-project", expand="alliance")
    assert (body["alliance"]["member_count"], body["alliance"]["project_count"]) == (1, 1)


@pytest.mark.parametrize(
    ("expand", "detail"),
    [
        ("aliance", "“aliance” cannot be expanded. Did you mean “alliance”?"),
        ("name", "“name” cannot be expanded."),
        ("alliance.name", "“alliance.name” cannot be expanded."),
        ("alliance.parent.parent", "“alliance.parent.parent” goes deeper than two steps."),
        ("alliance,,street", "“” cannot be expanded."),
        ("partners", "“partners” cannot be expanded. Known are: "),
        (".", "“.” cannot be expanded."),
        ("alliance.", "“alliance.” cannot be expanded."),
    ],
)
@pytest.mark.parametrize("path", ["projects", "projects/a-project"])
def test_what_cannot_be_expanded_is_named(api: Api, project: Any, path: str, expand: str, detail: str) -> None:
    body = api.problem(path, expand=expand)
    (error,) = body["errors"]
    assert error["parameter"] == "expand"
    assert error["detail"].startswith(detail)


# Fields and labels --------------------------------------------------------------------------------------------------


def test_fields_picks_and_keeps_the_order_of_the_record(api: Api, project: Any) -> None:
    assert list(api.get("projects/a-project", fields="name,slug,parts")) == ["slug", "name", "parts"]
    assert api.results("projects", street="990000777", fields="slug") == [{"slug": "a-project"}]


def test_fields_and_expand_go_together(api: Api, project: Any) -> None:
    body = api.get("projects/a-project", fields="slug,street", expand="street")
    assert (set(body), body["street"]["code"]) == ({"slug", "street"}, "990000777")


def test_fields_of_nested_records_are_not_picked(api: Api, project: Any) -> None:
    body = api.get("alliances/an-alliance", fields="projects")
    assert [set(row) for row in body["projects"]] == [{"key", "name", "url"}]


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ("nmae", "There is no field “nmae”. Did you mean “name”?"),
        ("name,sluq", "There is no field “sluq”. Did you mean “slug”?"),
        ("name,", "There is no field “”."),
        ("id", "There is no field “id”."),
        ("kind_label", "There is no field “kind_label”."),
    ],
)
def test_a_field_that_there_is_not_is_named(api: Api, project: Any, fields: str, detail: str) -> None:
    for path in ("projects", "projects/a-project"):
        (error,) = api.problem(path, fields=fields)["errors"]
        assert error["parameter"] == "fields"
        assert error["detail"].startswith(detail)


def test_a_field_of_details_is_not_one_of_lists(api: Api, project: Any) -> None:
    assert "parts" in api.get("projects/a-project", fields="parts")
    assert api.problem("projects", fields="parts")["errors"][0]["parameter"] == "fields"


@pytest.mark.parametrize(("language", "code"), [("en", "en"), ("zh-Hans", "zh-hans")])
def test_labels_are_given_on_demand_in_the_readers_language(api: Api, project: Any, language: str, code: str) -> None:
    body = api.client.get("/api/v1/projects/a-project?labels=true", headers={"accept-language": language}).json()
    with translation.override(code):
        assert (body["kind_label"], body["status_label"]) == (project.get_kind_display(), project.get_status_display())
    assert "kind_label" not in api.get("projects/a-project")
    assert "kind_label" not in api.get("projects/a-project", labels="false")


def test_labels_come_with_the_fields_that_are_picked(api: Api, project: Any) -> None:
    assert api.get("projects/a-project", fields="kind", labels="true") == {"kind": "service", "kind_label": "Service"}


def test_labels_stand_in_nested_records_too(api: Api, project: Any) -> None:
    MembershipFactory(alliance=project.alliance, role="liaison")
    body = api.get("alliances/an-alliance", labels="true", expand="parent")
    assert body["members"][0]["role_label"] == "Liaison"
    assert body["parent"]["kind_label"] == "Alliance"


# Dates and figures --------------------------------------------------------------------------------------------------


def test_a_partial_date_comes_with_what_it_means_and_how_it_was_written(api: Api) -> None:
    body = api.get("alliances/wujiaochang-zhen-lianxihui")
    assert {name: value for name, value in body.items() if name.startswith("founded_on")} == {
        "founded_on": "2012-06",
        "founded_on_earliest": "2012-06-01",
        "founded_on_latest": "2012-06-30",
        "founded_on_wording": "去年6月",
        "founded_on_relative_to": "2013-06-27",
    }
    assert body["updated_at"].endswith("Z")


def test_a_whole_number_is_a_whole_number(api: Api) -> None:
    (figure,) = api.results("figures", measure="residents_served")
    assert (figure["value"], type(figure["value"]), figure["reading"]) == (31700, int, "≥ 31700 person-times")


# Index and vocabularies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/"])
def test_the_index_lists_every_resource_with_its_count(api: Api, path: str) -> None:
    body = api.get(path)
    assert [resource["name"] for resource in body["resources"]] == list(viewsets())
    counts = {resource["name"]: resource["count"] for resource in body["resources"]}
    assert (counts["districts"], counts["streets"], counts["neighbourhoods"], counts["articles"]) == (16, 234, 6509, 5)
    for resource in body["resources"]:
        assert resource["url"] == f"/api/v1/{resource['name']}"
        page = api.get(resource["url"], count="true", page_size=1, fields="url")
        assert (page["count"], bool(page["results"])) == (resource["count"], bool(resource["count"]))


def test_the_index_leads_to_the_rest(api: Api) -> None:
    body = api.get("")
    assert api.get(body["vocabularies"])["results"]
    assert api.ask(body["openapi"]).status_code == 200
    assert api.ask(body["documentation"]).status_code == 200
    assert api.ask("/").headers["Location"] == "/docs/"


def test_every_choice_has_its_vocabulary(api: Api) -> None:
    found = {item["name"]: item for item in api.get("vocabularies")["results"]}
    expected = {
        f"{name}.{field.name}": [value for value, _label in field.choices]
        for name, model in citable_models().items()
        for field in choice_fields(model)
    }
    assert {name: [value["value"] for value in item["values"]] for name, item in found.items()} == expected
    for name, item in found.items():
        assert api.get(item["url"]) == item
        assert (item["resource"], item["field"]) == tuple(name.split("."))
        for value in item["values"]:
            assert set(value["labels"]) == {"zh-Hans", "en"}
            assert all(value["labels"].values())


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_vocabulary_has_the_labels_of_both_languages(api: Api, language: str) -> None:
    item = api.get("vocabularies/alliances.kind")
    with translation.override(language):
        labels = {str(value): str(label) for value, label in Alliance.Kind.choices}
    tag = {"zh-hans": "zh-Hans"}.get(language, language)
    assert {value["value"]: value["labels"][tag] for value in item["values"]} == labels


# What a client expects where ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("alliances/wujiaochang-zhen-lianxihui", {"parts", "members", "member_count", "projects", "events", "figures"}),
        ("projects/zhangjiang-yugong-jihua", {"parts", "partners", "claims", "deliverables", "events", "figures"}),
        ("events/guodingyi-xianchanghui", {"parts", "participations", "projects", "figures"}),
        ("member-units/fudan-daxue", {"names", "parts", "alliances", "projects", "claims", "events", "venues"}),
        ("streets/310110101", {"neighbourhoods", "alliances", "projects", "events", "venues", "predecessors"}),
        ("venues/zhangjiang-xinghui", {"services", "parts", "events", "opening_hours"}),
    ],
)
def test_a_detail_holds_what_belongs_to_it(api: Api, path: str, names: set[str]) -> None:
    body = api.get(path)
    assert names | {"citations"} <= set(body)


def test_a_unit_shows_where_it_takes_part(api: Api) -> None:
    tie = MembershipFactory(unit=MemberUnitFactory(slug="a-unit"), role="liaison")
    body = api.get("member-units/a-unit")
    assert [(row["alliance"]["key"], row["role"]) for row in body["alliances"]] == [(tie.alliance.slug, "liaison")]
    assert body["membership_count"] == 1
