"""Notes of what a person read (`read`): asked for by name, by curators of the place, and in no other way."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.evidence import spans
from apps.evidence.models import Citation
from apps.registry.models import Alliance, UnitName
from tests import factories
from tests.accounts.test_access import Sender, sender
from tests.common.admin.test_records import change_address, errors, filled_in
from tests.saying import article_with

pytestmark = pytest.mark.django_db
WORDS = "绝密飞艇联盟在二楼。"
ROWS = "evidence-citation-content_type-object_id"


def span(words: str = WORDS, **more: Any) -> dict[str, Any]:
    """Return a citation of the whole of a new article with some words, as a body or a form has it."""
    article = article_with(words)
    return {"start": 0, "end": len(words), "sha256": spans.digest(words), "article": article, **more}


def row(number: int, **values: Any) -> dict[str, Any]:
    """Return a row of a citation as a form sends it."""
    sent = {name: getattr(value, "pk", value) for name, value in values.items()}
    return {f"{ROWS}-TOTAL_FORMS": number + 1} | {f"{ROWS}-{number}-{name}": value for name, value in sent.items()}


@pytest.fixture
def curator() -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    return client


# Who may --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def unit() -> Any:
    return factories.MemberUnitFactory(street=factories.StreetFactory())


def test_a_representative_notes_nothing_and_a_curator_may(unit: Any) -> None:
    representative = sender(role="representative", unit=unit)
    given = span("甲乙丙", supports=["name", "kind"], read={"kind": "旧称"})
    cited = {**given, "article": given["article"].slug}
    body = {"unit": unit.slug, "name": "甲乙丙", "kind": "former", "state": "draft", "citations": [cited]}
    assert representative.errors("POST", "unit-names", body, 403) == {"/citations/0/read": "may_not_read"}
    assert not UnitName.objects.filter(name="甲乙丙").exists()
    curator = sender(street=unit.street)
    made = curator.send("POST", "unit-names", {"change_reason": "test", **body})
    assert made.status_code == 201, made.content.decode()
    # What a curator noted stays when the representative sends the citation again, and is not changed by him.
    citation = Citation.objects.get(object_id=UnitName.objects.get(name="甲乙丙").pk, article=given["article"])
    place = f"citations/{citation.slug}"
    assert changed(representative, place, {"supports": ["kind", "name"]}) == 200
    assert changed(representative, place, {"read": {"kind": "别的"}}) == 403
    assert changed(curator, place, {"read": {"kind": "别的"}}) == 200


def changed(person: Sender, place: str, body: dict[str, Any]) -> int:
    answer = person.send("PATCH", place, {"change_reason": "test", **body}, **{"if-match": "*"})
    return int(answer.status_code)


def test_the_pages_take_notes_of_curators_alone(curator: Client, unit: Any) -> None:
    name: Any = factories.UnitNameFactory(unit=unit, name="甲乙丙", kind="former", state="draft", cited=False)
    place = change_address(name)
    given = span("甲乙丙", supports="name,kind")
    answer = curator.post(place, {**filled_in(curator.get(place)), **row(0, **given)})
    assert "they give: Short name" in errors(answer)[f"{ROWS}-0-supports"][0]
    wrong = curator.post(place, {**filled_in(curator.get(place)), **row(0, **given, read="kind")})
    assert errors(wrong)[f"{ROWS}-0-read"] == ["Each line is a field, a colon and the note."]
    noted = row(0, **given, read="kind： 旧称")
    person = factories.AppointmentFactory(role="representative", unit=unit, user__is_staff=True).user
    representative = Client(headers={"accept-language": "en"})
    representative.force_login(person)
    refused = representative.post(place, {**filled_in(representative.get(place)), **noted})
    assert "read out of them by a curator" in errors(refused)[f"{ROWS}-0-read"][0]
    assert not name.citations.exists()
    saved = curator.post(place, {**filled_in(curator.get(place)), **noted})
    assert saved.status_code == 302
    citation = name.citations.get()
    assert (citation.read, citation.levels["kind"]) == ({"kind": "旧称"}, "read")
    own = change_address(citation)
    assert filled_in(curator.get(own))["read"] == "kind: 旧称"
    curator.post(own, {**filled_in(curator.get(own)), "read": "kind: 以前的名称"})
    citation.refresh_from_db()
    assert citation.read == {"kind": "以前的名称"}
    # Notes of several lines, or with a colon, are shown in one, and stay as they are where nobody changes them.
    notes = {"kind": "上文：\n以前"}
    Citation.objects.filter(pk=citation.pk).update(read=notes)
    form = curator.get(place).context["inline_admin_formsets"][-1].formset.forms[0]
    assert not form.fields["read"].has_changed(notes, form["read"].value())


# A new record of the pages --------------------------------------------------------------------------------------------


def test_the_citations_of_a_new_record_are_held_to_its_values_at_once(curator: Client) -> None:
    place = reverse("admin:registry_alliance_add")
    street = factories.StreetFactory()
    values = filled_in(curator.get(place)) | {"kind": "alliance", "status": "active", "street": street.pk}
    cited = row(0, **span(supports="name"))
    wrong = curator.post(place, {**values, **cited, "name": "绝密飞船联盟"})
    assert "The words do not say “name”" in errors(wrong)[f"{ROWS}-0-supports"][0]
    assert not Alliance.objects.filter(name="绝密飞船联盟").exists()
    saved = curator.post(place, {**values, **cited, "name": "绝密飞艇联盟"})
    assert saved.status_code == 302, errors(saved)
    citation = Alliance.objects.get(name="绝密飞艇联盟").citations.get()
    assert (citation.levels, citation.says) == ({"name": "literal"}, {"name": "绝密飞艇联盟"})
    assert "alliances" not in citation.slug


def test_the_list_of_a_new_record_is_held_to_the_words_too(curator: Client) -> None:
    place = reverse("admin:events_event_add")
    project: Any = factories.ProjectFactory(name="绝密飞艇项目", alliance=None, street=factories.StreetFactory())
    values = filled_in(curator.get(place)) | {"kind": "launch", "status": "held", "name": "发布会"}
    values |= {"name_given": "on", "street": project.street_id, "projects": [project.pk]}
    wrong = curator.post(place, {**values, **row(0, **span("别的项目。", supports="projects"))})
    assert "The words do not say “projects”" in errors(wrong)[f"{ROWS}-0-supports"][0]
    saved = curator.post(place, {**values, **row(0, **span("绝密飞艇项目发布。", supports="projects"))})
    assert saved.status_code == 302, errors(saved)
    citation = Citation.objects.get(article__slug__startswith="saying", says__projects=[project.pk])
    assert citation.levels == {"projects": "literal"}


# What a refusal says --------------------------------------------------------------------------------------------------


def test_publishing_on_a_text_that_is_not_attached_says_so(unit: Any) -> None:
    steward = sender("read", "write", "steward", role="steward")
    draft: Any = factories.AllianceFactory(state="draft")
    body = {"state": "published"}
    errors = steward.errors("PATCH", f"alliances/{draft.slug}", body, 400, **{"if-match": "*"})
    assert errors == {"/citations": "unverified"}


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "The words do not say “kind”; they give: Short name."),
        ("zh-hans", "原文没有说明“类型”；原文给出的是：简称。"),
    ],
)
def test_a_refusal_names_fields_and_choices_as_the_reader_does(unit: Any, language: str, told: str) -> None:
    steward = sender("read", "write", "steward", role="steward")
    given = span("甲乙丙", supports=["kind"])
    body = {"unit": unit.slug, "name": "甲乙丙", "kind": "former", "state": "draft"}
    cited = {**given, "article": given["article"].slug}
    headers = {"accept-language": language}
    answer = steward.send("POST", "unit-names", {"change_reason": "test", **body, "citations": [cited]}, **headers)
    assert [each["detail"] for each in answer.json()["errors"]] == [told]


def test_evidence_is_affirmed_by_an_identifier_too(unit: Any) -> None:
    steward = sender("read", "write", "steward", role="steward")
    identifier: Any = factories.IdentifierFactory(unit=unit)
    words = "飞艇总厂与飞艇分厂。"
    article = article_with(words)
    unit.name = "飞艇总厂"
    citation: Any = factories.CitationFactory(
        record=unit, article=article, start=0, end=len(words), sha256=spans.digest(words), supports=["kind"]
    )
    unit.save()
    place = f"member-units/{identifier.scheme}:{identifier.value}"
    asked = {"url": f"/api/v1/citations/{citation.slug}", "affirms": ["name"]}
    body = {"change_reason": "test", "name": "飞艇分厂", "citations": [asked]}
    tag = steward.send("GET", f"member-units/{unit.slug}").headers["ETag"]
    answer = steward.send("PATCH", place, body, **{"if-match": tag})
    assert (answer.status_code, answer.json()["name"]) == (200, "飞艇分厂")
    stale = steward.send("PATCH", place, {**body, "name": "飞艇总厂"}, **{"if-match": tag})
    assert stale.status_code == 412
    whole = {"kind": unit.kind, "name": "飞艇总厂", "street": unit.street.code, **body} | {"name": "飞艇总厂"}
    again = steward.send("PUT", place, whole, **{"if-match": answer.headers["ETag"]})
    assert (again.status_code, again.json().get("name")) == (200, "飞艇总厂"), again.content.decode()
