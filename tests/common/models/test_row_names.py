"""Rows that have no name of their own are called in words: alike in SQL and in Python, and of nothing hidden."""

# mypy: allow-untyped-calls

import csv
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from django.contrib.contenttypes.models import ContentType
from django.utils import translation

from apps.common.models.records import citable_models
from apps.common.models.row_names import UNSEEN, is_generic, references_of, within_sentence
from apps.common.rules.territory import KEEPER
from apps.common.serializers.compiler import Compilation, SqlRow
from apps.common.serializers.targets import load_targets
from apps.common.sql.statement import Statement
from tests import factories
from tests.conftest import Api
from tests.full import pairs
from tests.writing import Keeper

pytestmark = pytest.mark.django_db

NAMED = {name: model for name, model in citable_models().items() if model.row_name}
LANGUAGES = ["en", "zh-hans"]


def by_sql(rows: Any, viewer: Any = None, *, within: bool = False) -> dict[int, str]:
    """Return the names of rows by their primary keys, as a compiled statement gives them."""
    row = SqlRow(Compilation(viewer), rows.model)
    name = row.name(within=within)
    text = f"SELECT {row.column('pk')}, {name} FROM {row.source(rows.order_by())}"  # noqa: S608 - of compiled parts
    return dict(Statement(text).rows({}))


def filled() -> dict[str, list[Any]]:
    """Return rows of every kind that is named in words, with every kind of party and without one."""
    event, project = factories.EventFactory(name="成立大会"), factories.ProjectFactory(name="健康直通车")
    parties: list[dict[str, Any]] = [
        {"unit": factories.MemberUnitFactory(name="复旦大学")},
        {"unit": None, "alliance": factories.AllianceFactory(name="联席会议")},
        {"unit": None, "party_district": factories.DistrictFactory(name="杨浦区")},
        {"unit": None, "party_street": factories.StreetFactory(name="五角场镇")},
        {"unit": None, "party_neighbourhood": factories.NeighbourhoodFactory(name="国定一居委会")},
        {"unit": None, "as_written": "驻区单位 100%", "group": True},
    ]
    made: dict[str, list[Any]] = {
        "participations": [factories.ParticipationFactory(event=event, role="speaker", **each) for each in parties],
        "project-partners": [factories.ProjectPartnerFactory(project=project, role="lead", **each) for each in parties],
        "memberships": [
            factories.MembershipFactory(alliance=factories.AllianceFactory(name="分会"), **each)
            for each in (parties[0], {"unit": None, "as_written": "某单位"})
        ],
        "claims": [factories.ClaimFactory(project=project, unit=factories.MemberUnitFactory(name="长海医院"))],
        "round-projects": [
            factories.RoundProjectFactory(project=project, round=factories.RoundFactory(name="春季认领"))
        ],
        "matches": [
            factories.MatchFactory(
                need=factories.NeedFactory(name="老人就餐"), offer=factories.ResourceFactory(name="食堂")
            )
        ],
        "assessments": [factories.AssessmentFactory()],
        "scores": [factories.ScoreFactory(value=Decimal(value)) for value in ("4.50", "100.00", "0.00", "0.07")],
        "marks": [factories.MarkFactory(start=192, end=206)],
    }
    cited = [rows[0] for rows in made.values()] + [project, factories.StreetFactory()]
    made["citations"] = [factories.CitationFactory(record=record) for record in cited]
    made["citations"].append(factories.CitationFactory(record=made["citations"][0]))
    said: list[dict[str, Any]] = [{"record": parties[0]["unit"], **parties[0]}]
    said += [{"record": project, **each} for each in parties[1:5]]
    made["attestations"] = [factories.AttestationFactory(supports=["name"], **each) for each in said]
    return made


def test_every_kind_without_a_name_of_its_own_is_tested() -> None:
    assert NAMED.keys() == filled().keys()
    assert {name for name, model in citable_models().items() if model.name_field == "slug"} == NAMED.keys()


@pytest.mark.parametrize(("within", "language"), pairs(0, (False, True), LANGUAGES))
def test_sql_and_python_give_the_same_name(language: str, within: bool) -> None:
    filled()
    with translation.override(language):
        for model in citable_models().values():
            rows = model._default_manager.all()
            wanted: dict[int, str] = dict(rows.values_list("pk", model.name_field))
            if model.row_name:
                any_kind = (field.name for field in model._meta.private_fields if is_generic(model, field.name))
                whole = rows.select_related(*references_of(model)).prefetch_related(*any_kind)
                wanted = {row.pk: row.row_name.form(within=within).text(row) for row in whole}
            assert by_sql(rows, KEEPER, within=within) == wanted, model


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_holds_for_all_that_the_registry_has(language: str) -> None:
    with translation.override(language):
        for model in NAMED.values():
            rows = model._default_manager.select_related(*references_of(model))[:200]
            given = by_sql(model._default_manager.all(), KEEPER)
            assert {row.pk: str(row) for row in rows} == {row.pk: given[row.pk] for row in rows}


def test_names_are_sentences_of_each_language() -> None:
    rows = filled()
    said = {}
    for language in LANGUAGES:
        with translation.override(language):
            said[language] = [str(rows[name][0]) for name in ("participations", "claims", "memberships")]
            said[language] += [str(rows["participations"][-1]), str(rows["marks"][0])]
    title = rows["marks"][0].article.title
    assert said["en"][0] == "复旦大学 (speaker) · 成立大会"
    assert said["zh-hans"][0] == "复旦大学（发言）· 成立大会"
    assert said["en"][3] == "驻区单位 100% (speaker) · 成立大会"
    assert said["en"][4] == f"{title}, characters 192–206 (slogan)"
    assert said["zh-hans"][4] == f"《{title}》192–206 字（口号）"
    assert all(one != other for one, other in zip(*said.values(), strict=True))


def test_a_citation_is_called_by_its_place_and_its_record() -> None:
    claim = factories.ClaimFactory()
    citation = factories.CitationFactory(record=claim, start=12, end=20)
    of_citation = factories.CitationFactory(record=citation, start=1, end=2)
    with translation.override("en"):
        place = f"{citation.article.title}, characters 12–20"
        assert str(citation) == f"{place} → {claim}"
        # Without the record: that may be a citation, too.
        assert str(of_citation).endswith(f" → {place}")


def test_a_label_loses_its_capital_unless_it_is_an_acronym() -> None:
    assert [within_sentence(text) for text in ("Speaker", "ROR", "发言", "A")] == ["speaker", "ROR", "发言", "a"]


# Who sees what ------------------------------------------------------


class Hidden(NamedTuple):
    """A curator's own drafts, which point at the draft of another territory, and who reads them."""

    rows: dict[str, Any]
    user: Any
    curator: Keeper
    steward: Keeper


@pytest.fixture
def hidden() -> Hidden:
    """Return drafts of a curator that name 秘密单位, a draft that the curator may not see."""
    here = factories.StreetFactory()
    secret = factories.MemberUnitFactory(name="秘密单位", state="draft", cited=False, street=factories.StreetFactory())
    own: dict[str, Any] = {"state": "draft", "cited": False}
    project = factories.ProjectFactory(street=here, **own)
    rows = {
        "claims": factories.ClaimFactory(project=project, unit=secret, **own),
        "project-partners": factories.ProjectPartnerFactory(project=project, unit=secret, as_written="某单位", **own),
        "participations": factories.ParticipationFactory(
            event=factories.EventFactory(street=here, **own), unit=secret, **own
        ),
        "memberships": factories.MembershipFactory(
            alliance=factories.AllianceFactory(street=here, **own), unit=secret, **own
        ),
        "assessments": factories.AssessmentFactory(neighbourhood=None, unit=None, street=here, **own),
    }
    rows["citations"] = factories.CitationFactory(record=rows["claims"])
    user = factories.AppointmentFactory(role="curator", street=here).user
    return Hidden(rows, user, Keeper(user), Keeper(factories.AppointmentFactory().user))


def test_a_name_shows_nothing_that_its_reader_does_not_see(hidden: Hidden) -> None:
    for resource, row in hidden.rows.items():
        path = f"{resource}/{row.key}"
        given = hidden.curator.get(path)
        assert "秘密单位" not in str(given), resource
        assert hidden.steward.get(path)["name"] == _in_english(row)
        for answer in (hidden.curator.send("GET", f"{resource}?format={form}") for form in ("json", "jsonld", "csv")):
            assert answer.status_code == 200
            assert "秘密单位" not in b"".join(answer).decode()
        listed = next(each for each in hidden.curator.get(resource)["results"] if each["slug"] == row.key)
        assert listed["name"] == given["name"]
    said = {name: hidden.curator.get(f"{name}/{row.key}")["name"] for name, row in hidden.rows.items()}
    assert said["claims"] == f"{UNSEEN} (accepted) · {hidden.rows['claims'].project.name}"
    assert said["project-partners"].startswith("某单位 (")  # the row's own words
    assert said["citations"].endswith(f"→ {said['claims']}")


def test_search_facts_and_targets_hide_as_much(hidden: Hidden, api: Api) -> None:
    claim = hidden.rows["claims"]
    hits = hidden.curator.get("search?q=某单位&resource=project-partners")["results"]
    assert [hit["name"] for hit in hits] == [hidden.curator.get(f"project-partners/{hits[0]['key']}")["name"]]
    end = ContentType.objects.get_for_model(claim).pk, claim.pk
    assert load_targets([end], hidden.user)[end].name.startswith(UNSEEN)
    assert load_targets([end], None) == {}
    facts = api.get(f"articles/{hidden.rows['citations'].article.key}/facts")
    assert facts["facts"] == []


def _in_english(row: Any) -> str:
    with translation.override("en"):
        return str(type(row)._default_manager.get(pk=row.pk))


# Everywhere ---------------------------------------------------------


def test_all_resources_have_the_name_in_the_language_asked_for(api: Api) -> None:
    for resource, rows in filled().items():
        for language in LANGUAGES:
            api.client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
            with translation.override(language):
                for row in rows:
                    assert api.get(f"{resource}/{row.key}", fields="name") == {"name": str(row)}
                named = {
                    each["slug"]: each["name"] for each in api.results(resource, fields="slug,name", page_size=200)
                }
                assert {row.key: str(row) for row in rows} == {row.key: named[row.key] for row in rows}


def test_references_facets_and_exports_call_rows_in_words(api: Api) -> None:
    score = factories.ScoreFactory()
    assessment = score.assessment
    with translation.override("en"):
        name = str(assessment)
    assert api.get(f"scores/{score.key}")["assessment"]["name"] == name
    assert [each["name"] for each in api.get(f"frameworks/{assessment.framework.key}")["assessments"]] == [name]
    assert api.get("scores", facets="assessment")["facets"]["assessment"] == [
        {"value": assessment.key, "name": name, "count": 1}
    ]
    citation = assessment.citations.get()
    assert api.get(f"citations/{citation.key}")["record"]["name"] == name
    rows = list(csv.DictReader(b"".join(api.ask("scores", format="csv")).decode("utf-8-sig").splitlines()))
    assert [row["assessment_name"] for row in rows] == [name]
    facts = api.get(f"articles/{citation.article.key}/facts")["facts"]
    assert name in [fact["record"]["name"] for fact in facts]
    linked = api.ask(f"scores/{score.key}", format="jsonld").json()
    assert linked["@reverse"]["schema:reviewRating"]["schema:name"] == {"@value": name, "@language": "en"}


def test_search_says_where_a_row_is_found_in_its_own_words(api: Api) -> None:
    row = factories.ParticipationFactory(unit=None, as_written="五原路某某协会", contribution="送出一份愿景")
    [hit] = api.get("search", q="某某协会", resource="participations")["results"]
    assert hit["name"] == _in_english(row)
    assert (hit["rank"], hit["matches"][0]["field"]) == ("text", "as_written")
    api.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-hans"
    assert api.get("search", q="某某协会", resource="participations")["results"][0]["name"] == str(row)


# Writes -------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_read_in_any_language_can_be_written_back(language: str) -> None:
    keeper = Keeper(factories.UserFactory(is_staff=True, is_superuser=True))
    rows = filled()
    draft = factories.AllianceFactory(state="draft")  # which may be cited without the article's text
    rows["citations"] = [factories.CitationFactory(record=draft, supports=["name"])]
    for resource in rows:
        path = f"{resource}/{rows[resource][0].key}"
        keeper.client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        body = keeper.get(path)
        keeper.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
        assert keeper.write("PUT", path, body)["slug"] == body["slug"]
        assert keeper.refused("PUT", path, {**body, "name": "another"}, 400, If_Match=keeper.tag(path)) == {
            "/name": "read_only"
        }


def test_a_reference_may_say_the_name_and_nothing_else(hidden: Hidden) -> None:
    score, other = factories.ScoreFactory(), factories.ScoreFactory()
    keeper = Keeper(factories.UserFactory(is_staff=True, is_superuser=True))
    path = f"scores/{score.key}"
    shown = keeper.get(path)["assessment"]
    keeper.write("PATCH", path, {"assessment": shown})
    for name in (other.assessment.key, keeper.get(f"scores/{other.key}")["assessment"]["name"], "", 3):
        assert keeper.refused(
            "PATCH", path, {"assessment": {**shown, "name": name}}, 400, If_Match=keeper.tag(path)
        ) == {"/assessment/name": "read_only"}


def test_a_row_that_points_at_a_draft_is_refused_with_the_drafts_name() -> None:
    keeper = Keeper(factories.UserFactory(is_staff=True, is_superuser=True))
    own: dict[str, Any] = {"state": "draft", "cited": False}
    assessment = factories.AssessmentFactory(**own)
    score = factories.ScoreFactory(assessment=assessment, state="draft")
    path = f"scores/{score.key}"
    answer = keeper.send(
        "PATCH", path, {"state": "published", "change_reason": "test"}, **{"If-Match": keeper.tag(path)}
    )
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/assessment"
    assert _in_english(assessment) in error["detail"]
