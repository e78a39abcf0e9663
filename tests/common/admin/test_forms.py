"""The curators' pages: what their forms take, and what they refuse and how."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.translation import gettext, override

from apps.evidence.models import Citation, Figure
from apps.registry.models import Alliance, MemberUnit, Street
from tests import factories
from tests.common.admin import test_records
from tests.common.admin.test_records import address, change_address, errors, every_language, filled_in, queries
from tests.factories import (
    AllianceFactory,
    ArticleFactory,
    CitationFactory,
    EventFactory,
    FigureFactory,
    MembershipFactory,
    MemberUnitFactory,
    NeighbourhoodFactory,
    ProjectFactory,
)
from tests.saying import say

pytestmark = pytest.mark.django_db

curator = test_records.curator


# Forms ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "rows"),
    [
        ("AllianceFactory", [("MembershipFactory", "alliance"), ("AllianceFactory", "parent")]),
        ("MemberUnitFactory", [("UnitNameFactory", "unit"), ("MemberUnitFactory", "parent")]),
        ("VenueFactory", [("VenueServiceFactory", "venue"), ("VenueFactory", "parent")]),
        (
            "ProjectFactory",
            [("ProjectPartnerFactory", "project"), ("ClaimFactory", "project"), ("DeliverableFactory", "project")],
        ),
        ("EventFactory", [("ParticipationFactory", "event"), ("EventFactory", "parent")]),
        ("FrameworkFactory", [("DimensionFactory", "framework")]),
        ("AssessmentFactory", [("ScoreFactory", "assessment")]),
        ("AllianceFactory", [("CitationFactory", "record")]),
    ],
)
def test_a_form_costs_the_same_for_one_row_and_for_five(
    curator: Client, owner: str, rows: list[tuple[str, str]]
) -> None:
    record = getattr(factories, owner)()
    counts = []
    for number in (1, 4):
        for factory, relation in rows:
            getattr(factories, factory).create_batch(number, **{relation: record})
        counts.append(queries(curator, change_address(record)))
    assert counts[0] == counts[1]


def test_a_unit_is_saved_with_its_names(curator: Client) -> None:
    values = filled_in(curator.get(address(MemberUnit, "add")))
    values |= {"name": "测试大学", "kind": "university", "names-TOTAL_FORMS": "1"}
    values |= {"names-0-name": "测大", "names-0-kind": "short", "names-0-valid_from": "2012-06"}
    response = curator.post(address(MemberUnit, "add"), values)
    assert response.status_code == 302, errors(response)
    unit = MemberUnit.objects.get(name="测试大学")
    assert (unit.slug, unit.state) == ("ceshi-daxue", "draft")
    assert [(name.name, name.slug, str(name.valid_from_latest)) for name in unit.names.all()] == [
        ("测大", "ceshi-daxue-ceda", "2012-06-30")
    ]


def test_what_a_form_shows_can_be_saved_as_it_is(curator: Client) -> None:
    for record in [
        MembershipFactory().alliance,
        factories.ParticipationFactory().event,
        factories.ClaimFactory().project,
        FigureFactory(),
        CitationFactory(),
        CitationFactory(record=AllianceFactory(state="draft")),
        NeighbourhoodFactory(),
        factories.ScoreFactory().assessment,
    ]:
        page = curator.get(change_address(record))
        response = curator.post(change_address(record), filled_in(page))
        assert response.status_code == 302, errors(response)


def test_a_slug_is_permanent_and_stands_on_the_page(curator: Client) -> None:
    unit = MemberUnitFactory(slug="ceshi-danwei")
    page: Any = curator.get(change_address(unit))
    assert "slug" not in page.context["adminform"].form.fields
    assert "ceshi-danwei" in page.content.decode()
    curator.post(change_address(unit), {**filled_in(page), "slug": "another"})
    unit.refresh_from_db()
    assert unit.slug == "ceshi-danwei"


@pytest.mark.parametrize("written", ["13.5.2013", "2013-13", "去年6月", "2013-06-27T10:00"])
@every_language
def test_a_wrong_date_is_explained_in_the_language(curator: Client, language: str, written: str) -> None:
    curator.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    values = filled_in(curator.get(address(Alliance, "add")))
    values |= {"name": "测试联盟", "kind": "alliance", "status": "active", "founded_on": written}
    response = curator.post(address(Alliance, "add"), values)
    [message] = errors(response)["founded_on"]
    assert written in message
    with override(language):
        end = gettext(
            "“%(value)s” is not a date in EDTF: %(reason)s. Write 2013-06-27, 2012-06, 2023~ or ../2013-06-27."
        )
    assert message.endswith(end.partition("%(reason)s")[2])
    assert bool(re.search("[\u4e00-\u9fff]", message.replace(written, ""))) == (language == "zh-hans")


def test_dates_stand_beside_their_words(curator: Client) -> None:
    event = EventFactory(held_on="2012-06", held_on_wording="去年6月", held_on_relative_to="2013")
    page: Any = curator.get(change_address(event))
    fieldsets = page.context["adminform"].fieldsets
    assert [("held_on", "held_on_wording", "held_on_relative_to")] in [options["fields"] for _, options in fieldsets]
    assert "2012-06-01 – 2012-06-30" in page.content.decode()


def test_nul_in_a_form_is_an_error_of_its_field(curator: Client) -> None:
    values = filled_in(curator.get(address(MemberUnit, "add")))
    values |= {"name": "测试\0大学", "kind": "university\0", "street": "\0", "summary": "\0"}
    assert {"name", "kind", "street", "summary"} <= errors(curator.post(address(MemberUnit, "add"), values)).keys()


def test_rows_of_one_name_get_slugs_of_their_own(curator: Client) -> None:
    alliance = AllianceFactory()
    values = filled_in(curator.get(change_address(alliance)))
    values["parts-TOTAL_FORMS"] = "2"
    for row in (0, 1):
        values |= {f"parts-{row}-{name}": value for name, value in [("name", "同名分会"), ("kind", "sub_conference")]}
        values[f"parts-{row}-status"] = "active"
    assert curator.post(change_address(alliance), values).status_code == 302
    assert sorted(part.slug for part in alliance.parts.all()) == ["tongming-fenhui", "tongming-fenhui-2"]


def test_a_row_whose_name_cannot_be_read_is_refused(curator: Client) -> None:
    alliance = AllianceFactory()
    values = filled_in(curator.get(change_address(alliance)))
    values |= {"parts-TOTAL_FORMS": "1", "parts-0-name": "！！", "parts-0-kind": "alliance", "parts-0-status": "active"}
    assert "parts-0-__all__" in errors(curator.post(change_address(alliance), values))


def test_rows_that_say_the_same_are_refused(curator: Client) -> None:
    event, unit = EventFactory(), MemberUnitFactory()
    values = filled_in(curator.get(change_address(event)))
    values |= {"participations-TOTAL_FORMS": "2"} | {f"participations-{row}-status": "invited" for row in (0, 1)}
    assert curator.post(change_address(event), values).status_code == 302, "rows that were left empty do not count"
    for row in (0, 1):
        values |= {f"participations-{row}-unit": unit.pk, f"participations-{row}-role": "speaker"}
    assert "participations" in errors(curator.post(change_address(event), values))


def test_a_record_is_cited_once_by_the_same_words(curator: Client) -> None:
    citation = CitationFactory(record=ProjectFactory(state="draft"))
    values = filled_in(curator.get(change_address(citation.record)))
    prefix = "evidence-citation-content_type-object_id"
    known = int(values[f"{prefix}-TOTAL_FORMS"])
    values[f"{prefix}-TOTAL_FORMS"] = str(known + 1)
    again = {"article": citation.article_id, "start": citation.start, "end": citation.end, "sha256": citation.sha256}
    values |= {f"{prefix}-{known}-{name}": value for name, value in {**again, "supports": "kind"}.items()}
    assert f"{prefix}-{known}-__all__" in errors(curator.post(change_address(citation.record), values)) | {}


def test_a_constraint_holds_for_fields_that_a_row_does_not_show(curator: Client) -> None:
    part = AllianceFactory(parent=AllianceFactory(), founded_on="2012-06")
    values = filled_in(curator.get(change_address(part.parent)))
    values["parts-0-status"] = "proposed"
    assert "parts-0-__all__" in errors(curator.post(change_address(part.parent), values))


def test_what_the_database_refuses_is_said_on_the_page(curator: Client) -> None:
    """A published record keeps its last citation: a rule that only the database knows."""
    project = ProjectFactory(cited=False)
    citation, another = say(project), ProjectFactory(name=project.name)
    values = filled_in(curator.get(change_address(citation)))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    response = curator.post(change_address(citation), {**values, "target": f"projects/{another.slug}"})
    assert (response.status_code, response["Location"]) == (302, change_address(citation))
    assert citation.pk in citation.record.citations.values_list("pk", flat=True)


def test_what_the_official_codes_say_is_fixed(curator: Client) -> None:
    street = Street.objects.get(name="五角场镇")
    page: Any = curator.get(change_address(street))
    assert not {"code", "name", "kind", "district", "editions"} & set(page.context["adminform"].form.fields)
    assert not page.context["has_delete_permission"]
    neighbourhoods = f"{reverse('admin:registry_neighbourhood_changelist')}?street__id__exact={street.pk}"
    assert neighbourhoods in page.content.decode()
    assert curator.get(neighbourhoods).status_code == 200
    estate = NeighbourhoodFactory(kind="estate", code=None, slug="ceshi-xiaoqu")
    page = curator.get(change_address(estate))
    assert {"name", "street"} <= set(page.context["adminform"].form.fields)
    assert page.context["has_delete_permission"]


# Evidence -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "reading"), [("zh-hans", "≥ 31700 人次"), ("en", "≥ 31700 person-times")])
def test_a_figure_is_read_with_its_comparator_and_unit(curator: Client, language: str, reading: str) -> None:
    figure = FigureFactory(subject=ProjectFactory(name="测试服务"))
    for path in (f"{address(Figure, 'changelist')}?q=测试数据", change_address(figure)):
        assert reading in curator.get(path, headers={"accept-language": language}).content.decode()


def test_lists_of_evidence_link_to_the_records(curator: Client) -> None:
    project = ProjectFactory()
    figure = FigureFactory(subject=project)
    for model, row in ((Citation, project.citations.get()), (Figure, figure)):
        response: Any = curator.get(address(model, "changelist"), {"q": f"projects/{project.slug}"})
        assert list(response.context["cl"].result_list) == [row]
        assert change_address(project) in response.content.decode()


@pytest.mark.parametrize("written", ["projects/{}", "/projects/{}/", "http://localhost/api/v1/projects/{}"])
def test_a_citation_names_its_record_as_the_api_does(curator: Client, written: str) -> None:
    project, article = ProjectFactory(state="draft"), ArticleFactory()
    values = {"target": written.format(project.slug), "supports": "name,kind", "article": article.pk}
    values |= {"start": "5", "end": "6", "sha256": factories.DIGEST_OF_X}
    assert curator.post(address(Citation, "add"), values).status_code == 302
    citation = Citation.objects.get(article=article)
    assert (citation.record, citation.supports) == (project, ["name", "kind"])
    shown: Any = curator.get(change_address(citation))
    assert f'value="projects/{project.slug}"' in shown.content.decode()


@pytest.mark.parametrize("written", ["projects/nope", "nope/nope", "projects", "/", "projects/\0", "users/curator"])
def test_a_record_that_is_not_there_is_named(curator: Client, written: str) -> None:
    values = {"target": written, "supports": "name", "article": ArticleFactory().pk, "start": "0", "end": "1"}
    response = curator.post(address(Citation, "add"), {**values, "sha256": factories.DIGEST_OF_X})
    assert "target" in errors(response)


def test_a_citation_supports_fields_of_its_record_only(curator: Client) -> None:
    values = {"target": f"projects/{ProjectFactory().slug}", "article": ArticleFactory().pk, "start": "0", "end": "1"}
    response = curator.post(address(Citation, "add"), {**values, "supports": "nope", "sha256": factories.DIGEST_OF_X})
    assert "supports" in errors(response)


def test_the_text_of_an_article_is_fixed(curator: Client) -> None:
    article = ArticleFactory()
    page: Any = curator.get(change_address(article))
    fixed = {"captured_file", "captured_sha256", "body_start", "body_end", "body_sha256"}
    assert not fixed & set(page.context["adminform"].form.fields)
    assert article.body_sha256 in page.content.decode()


def test_a_cited_article_cannot_be_deleted(curator: Client) -> None:
    citation = CitationFactory()
    response: Any = curator.get(address(type(citation.article), "delete", citation.article.pk))
    assert response.context["protected"]
