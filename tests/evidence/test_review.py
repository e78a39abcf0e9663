"""Who publishes: a representative submits, a curator of the place publishes, and with REVIEW=two another one."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import Client

from apps.accounts.models import User
from apps.common.models.logged_change import SEEN_BY_ALL, LoggedChange
from apps.common.rules.permissions import may_publish
from apps.common.writing.review import last_author
from apps.common.writing.transaction import write_transaction
from apps.evidence import spans
from apps.evidence.actions import publish
from apps.evidence.models import Citation, Review
from apps.explore.inbox.steps import ReviewError, confirm
from apps.registry.models import UnitName
from partybuild.environment import read_choice
from tests import factories
from tests.accounts.test_access import Sender, sender
from tests.conftest import problem_of
from tests.factories import AllianceFactory, MemberUnitFactory, StreetFactory, UnitNameFactory
from tests.saying import article_with

pytestmark = pytest.mark.django_db
DRAFT: dict[str, Any] = {"state": "draft", "cited": False}
# What the article says of the unit's other names, behind characters at which spans begin.
NAMES = "〇一二三四五六七，简称别名甲、草稿名、第二人改的、改过的名、后改的名。"


class House:
    """A unit in a street, with whoever has to do with it; each with a token."""

    def __init__(self) -> None:
        self.street: Any = StreetFactory()
        self.unit: Any = MemberUnitFactory(street=self.street)
        self.users: list[User] = [factories.UserFactory() for _number in range(3)]
        self.representative = sender(role="representative", unit=self.unit, user=self.users[0])
        self.curator = sender(street=self.street, user=self.users[1])
        self.second = sender(street=self.street, user=self.users[2])
        self.article: Any = article_with(NAMES)

    def citation(self, start: int = 0) -> dict[str, Any]:
        """Return a citation as a body has it."""
        span = {"start": start, "end": len(NAMES), "sha256": spans.digest(NAMES[start:])}
        return {"article": self.article.slug, "supports": ["kind", "name"], **span}

    def cite(self, row: Any, start: int = 0) -> None:
        """Store a citation of a record."""
        factories.CitationFactory(record=row, **{**self.citation(start), "article": self.article})

    def name(self, **more: Any) -> dict[str, Any]:
        """Return the body of another name of the unit, with a citation."""
        body = {"unit": self.unit.slug, "name": "别名甲", "kind": "short", "citations": [self.citation()]}
        return {"change_reason": "test", **body, **more}


@pytest.fixture
def house() -> House:
    return House()


def change(person: Sender, row: Any, status: int = 200, **body: Any) -> dict[str, str]:
    """Send a PATCH with the version that stands there; return the errors of a refusal by pointer."""
    path = f"{row.resource}/{row.slug}"
    tag = person.send("GET", path).headers["ETag"]
    response = person.send("PATCH", path, {"change_reason": "test", **body}, **{"if-match": tag})
    assert response.status_code == status, response.content.decode()
    return {} if status == 200 else {each["pointer"]: each["code"] for each in problem_of(response).get("errors", [])}


def state_of(row: Any) -> str:
    """Return the state as it stands in the database."""
    row.refresh_from_db()
    return str(row.state)


# Representatives -----------------------------------------------------------------------------------------------------


def test_a_representative_drafts_and_submits_and_a_curator_publishes(house: House):
    made = house.representative.send("POST", "unit-names", house.name(state="submitted"))
    assert made.status_code == 201, made.content.decode()
    row = UnitName.objects.get(slug=made.json()["slug"])
    assert row.state == "submitted"
    assert Sender().send("GET", f"unit-names/{row.slug}").status_code == 404
    for state in ("draft", "submitted"):
        change(house.representative, row, state=state)
        assert state_of(row) == state
    assert change(house.representative, row, 403, state="published") == {"/state": "may_not_publish"}
    assert state_of(row) == "submitted"
    change(house.curator, row, state="published")
    assert Sender().send("GET", f"unit-names/{row.slug}").status_code == 200


def test_a_representative_publishes_by_no_way(house: House):
    draft: Any = UnitNameFactory(unit=house.unit, name="草稿名", state="submitted")
    person, before = house.representative, UnitName.objects.count()
    assert person.errors("POST", "unit-names", house.name(state="published"), 403) == {"/state": "may_not_publish"}
    path, body = "unit-names/a-new-one", house.name(state="published")
    assert person.errors("PUT", path, body, 403) == {"/state": "may_not_publish"}
    whole = {"unit": house.unit.slug, "name": "草稿名", "kind": "short", "state": "published"}
    tag = person.send("GET", f"unit-names/{draft.slug}").headers["ETag"]
    errors = person.errors("PUT", f"unit-names/{draft.slug}", whole, 403, **{"if-match": tag})
    assert errors == {"/state": "may_not_publish"}
    items = {"items": [{key: value for key, value in house.name(state="published").items() if key != "change_reason"}]}
    assert person.errors("POST", "unit-names/bulk", items, 403) == {"/items/0/state": "may_not_publish"}
    seen = person.get(f"unit-names/{draft.slug}")["updated_at"]
    items = {"items": [{"slug": draft.slug, "state": "published", "updated_at": seen}]}
    assert person.errors("PATCH", "unit-names/bulk", items, 403) == {"/items/0/state": "may_not_publish"}
    answer = sent(person, f"slug,state\n{draft.slug},published\n")
    assert [each["code"] for each in problem_of(answer)["errors"]] == ["may_not_publish"]
    assert state_of(draft) == "submitted"
    assert UnitName.objects.count() == before


def sent(person: Sender, table: str) -> Any:
    """Return the answer to a file."""
    address = "/api/v1/unit-names/import?change_reason=test"
    client = Client(SERVER_NAME="localhost", headers=person.headers)
    return client.generic("POST", address, data=table, content_type="text/csv")


def test_a_file_of_ones_own_names_is_the_word_of_the_unit(house: House):
    table = f"unit,name,kind,state\n{house.unit.slug},表中名,short,published\n"
    answer = sent(house.representative, table)
    assert answer.status_code == 200, answer.content.decode()
    [act] = UnitName.objects.get(unit=house.unit, name="表中名").attestations.all()
    assert (act.kind, act.unit, sorted(act.supports)) == ("act", house.unit, ["kind", "name"])
    # Nobody else speaks for it, and the place of the error is that of the row.
    answer = sent(house.curator, table.replace("表中", "另一"))
    errors = {each["pointer"]: each["code"] for each in problem_of(answer)["errors"]}
    assert errors == dict.fromkeys(("/rows/2/kind", "/rows/2/name"), "no_evidence")


def test_what_a_published_record_rests_on_is_for_curators(house: House):
    row: Any = UnitNameFactory(unit=house.unit, name="别名甲", cited=False)
    house.cite(row, start=1)
    citation = row.citations.get()
    person = house.representative
    assert change(person, row, 403, citations=[house.citation()]) == {"/citations": "may_not_publish"}
    body = {**house.citation(), "record": f"unit-names/{row.slug}"}
    assert person.errors("POST", "citations", body, 403) == {"/record": "may_not_publish"}
    assert change(person, citation, 403, supports=["kind"]) == {"/record": "may_not_publish"}
    tag = person.send("GET", f"citations/{citation.slug}").headers["ETag"]
    errors = person.errors("DELETE", f"citations/{citation.slug}", {}, 403, **{"if-match": tag})
    assert errors == {"/record": "may_not_publish"}
    assert list(row.citations.values_list("pk", "supports")) == [(citation.pk, citation.supports)]
    # Those of a draft are the representative's own.
    draft: Any = UnitNameFactory(unit=house.unit, name="草稿名", **DRAFT)
    assert change(person, citation, 403, record=f"unit-names/{draft.slug}") == {"/record": "may_not_publish"}
    change(person, draft, citations=[house.citation(3)])
    own = draft.citations.get()
    assert change(person, own, 403, record=f"unit-names/{row.slug}") == {"/record": "may_not_publish"}
    change(person, draft.citations.get(), supports=["kind"])
    change(house.curator, row, citations=[house.citation(5)])


def test_articles_and_marks_are_not_touched_by_representatives(house: House):
    mark: Any = factories.MarkFactory(article=house.article, start=0, end=1, sha256=spans.digest(NAMES[:1]))
    person = house.representative
    for row, name in ((house.article, "title"), (mark, "note")):
        path = f"{row.resource}/{row.slug}"
        tag = person.send("GET", path).headers["ETag"]
        for method in ("PUT", "PATCH", "DELETE"):
            body = {"change_reason": "test"} | ({} if method == "DELETE" else {name: "改"})
            answer = person.send(method, path, body, **{"if-match": tag})
            assert (answer.status_code, problem_of(answer)["code"]) == (403, "permission_denied")
        seen = person.get(path)["updated_at"]
        listed = {"change_reason": "test", "items": [{"slug": row.slug, name: "改", "updated_at": seen}]}
        assert person.send("PATCH", f"{row.resource}/bulk", listed).status_code == 403
        assert getattr(type(row).objects.get(pk=row.pk), name) == getattr(row, name)
    span = {"start": 1, "end": 2, "sha256": spans.digest(NAMES[1:2]), "reason": "slogan", "article": house.article.slug}
    assert person.send("POST", "marks", {"change_reason": "test", **span}).status_code == 403


def test_a_representative_takes_back_no_request_to_publish_by_it(house: House):
    row: Any = UnitNameFactory(unit=house.unit)
    with write_transaction(user=house.users[1], request_id="withdrawn", reason="test"):
        row.state = "draft"
        row.save()
    answer = house.representative.send("POST", "changes/withdrawn/revert", {"change_reason": "test"})
    assert (answer.status_code, state_of(row)) == (403, "draft")
    answer = house.curator.send("POST", "changes/withdrawn/revert", {"change_reason": "test"})
    assert (answer.status_code, state_of(row)) == (200, "published")


def test_a_representative_takes_back_no_evidence_of_what_is_published(house: House):
    row: Any = UnitNameFactory(unit=house.unit, name="别名甲", **DRAFT)
    with write_transaction(user=house.users[0], request_id="citing", reason="test"):
        house.cite(row)
    factories.cite(row)
    row.state = "published"
    row.save()
    answer = house.representative.send("POST", "changes/citing/revert", {"change_reason": "test"})
    assert (answer.status_code, row.citations.count()) == (403, 2)


def test_a_representative_merges_into_nothing_that_is_published(house: House):
    parts: list[Any] = [MemberUnitFactory(parent=house.unit, state=state) for state in ("draft", "published")]
    path, body = f"member-units/{parts[0].slug}/merge", {"change_reason": "test", "into": parts[1].slug}
    tag = {"if-match": "*"}
    assert house.representative.errors("POST", path, body, 403, **tag) == {"/into": "may_not_publish"}
    assert house.curator.send("POST", path, body, **tag).status_code == 200


def test_who_is_both_publishes_where_he_keeps_the_place(house: House):
    user = house.users[0]
    elsewhere: Any = AllianceFactory(street=StreetFactory(), **DRAFT)
    here: Any = AllianceFactory(street=house.street, **DRAFT)
    name: Any = UnitNameFactory(unit=house.unit, **DRAFT)
    other: Any = UnitNameFactory(unit=MemberUnitFactory(street=elsewhere.street), **DRAFT)
    factories.AppointmentFactory(user=user, role="curator", street=elsewhere.street)
    user = User.objects.get(pk=user.pk)
    assert [may_publish(user, row) for row in (elsewhere, here, name, other)] == [True, False, False, True]
    assert may_publish(user, name, rests_on_article=False)


# A second curator ----------------------------------------------------------------------------------------------------


@pytest.fixture
def by_two(settings: Any) -> None:
    settings.REVIEW_BY_TWO = True


def test_nobody_publishes_what_he_entered(by_two: None, house: House):
    assert house.curator.errors("POST", "unit-names", house.name(state="published"), 403) == {
        "/state": "second_curator"
    }
    made = house.curator.send("POST", "unit-names", house.name(state="submitted"))
    row = UnitName.objects.get(slug=made.json()["slug"])
    # That another one submitted it says nothing of what it says.
    change(house.second, row, state="draft")
    change(house.second, row, state="submitted")
    assert last_author(row) == house.users[1].pk
    assert change(house.curator, row, 403, state="published") == {"/state": "second_curator"}
    assert change(house.second, row, 403, state="published", name="改过的名") == {"/state": "second_curator"}
    assert change(house.second, row, 403, state="published", citations=[house.citation(4)]) == {
        "/state": "second_curator"
    }
    change(house.second, row, state="published")
    assert state_of(row) == "published"


def test_who_changed_it_last_does_not_publish_it(by_two: None, house: House):
    row: Any = UnitNameFactory(unit=house.unit, name="别名甲", state="submitted", cited=False)
    house.cite(row)
    assert last_author(row) is None  # a program's
    change(house.second, row, name="第二人改的")
    assert change(house.second, row, 403, state="published") == {"/state": "second_curator"}
    change(house.curator, row, citations=[house.citation(6)])
    assert last_author(row) == house.users[1].pk
    assert change(house.curator, row, 403, state="published") == {"/state": "second_curator"}
    change(house.second, row, state="published")


def test_a_list_counts_as_what_a_record_says(house: House):
    event: Any = factories.EventFactory(neighbourhood=factories.NeighbourhoodFactory(street=house.street))
    with write_transaction(user=house.users[1], reason="test"):
        event.projects.add(factories.ProjectFactory())
    assert last_author(event) == house.users[1].pk
    factories.rest(event)


def test_the_pages_publish_by_the_same_rule(by_two: None, house: House):
    row: Any = UnitNameFactory(unit=house.unit, name="别名甲", state="submitted", cited=False)
    house.cite(row)
    change(house.second, row, name="第二人改的")
    with pytest.raises(Exception, match="changed last"), transaction.atomic():
        publish(records=[row], by=User.objects.get(pk=house.users[2].pk))
    assert publish(records=[row], by=User.objects.get(pk=house.users[1].pk)) == 1
    other: Any = UnitNameFactory(unit=house.unit, state="submitted")
    with pytest.raises(Exception, match="curator of the place"), transaction.atomic():
        publish(records=[other], by=User.objects.get(pk=house.users[0].pk))


def test_a_file_over_http_is_no_exemption(by_two: None, house: House):
    with write_transaction(user=house.users[1], reason="test"):
        row: Any = UnitNameFactory(unit=house.unit, name="别名甲", state="submitted", cited=False)
        house.cite(row)
    table = f"slug,state\n{row.slug},published\n"
    assert [each["code"] for each in problem_of(sent(house.curator, table))["errors"]] == ["second_curator"]
    assert sent(house.second, table).status_code == 200
    assert state_of(row) == "published"


def test_a_change_of_a_published_record_is_looked_at_by_another(by_two: None, house: House):
    row: Any = UnitNameFactory(unit=house.unit)
    users = [User.objects.get(pk=user.pk) for user in house.users]
    change(house.curator, row, name="后改的名", citations=[house.citation()])
    number = LoggedChange.objects.filter(table_name="registry_unitname", record_id=row.pk).latest("number").number
    for user, code in ((users[0], "may_not_publish"), (users[1], "second_curator")):
        with pytest.raises(ReviewError) as refused:
            confirm(record=row, number=number, by=user)
        assert refused.value.code == code
    for wrong in (number - 1, number + 1):
        with pytest.raises(ReviewError) as refused:
            confirm(record=row, number=wrong, by=users[2])
        assert refused.value.code == "stale"
    confirm(record=row, number=number, by=users[2])
    with pytest.raises(ReviewError):
        confirm(record=row, number=number, by=users[2])
    assert Review.objects.get().number == number


def test_what_a_program_changed_waits_for_nobody(house: House):
    row: Any = UnitNameFactory(unit=house.unit)
    row.name = "程序改的"
    row.save()
    with pytest.raises(ReviewError) as refused:
        confirm(record=row, number=1, by=User.objects.get(pk=house.users[2].pk))
    assert refused.value.code == "stale"
    factories.rest(row)


# Hidden like a draft -------------------------------------------------------------------------------------------------


def test_steps_between_draft_and_submitted_move_no_anonymous_answer(house: House):
    row: Any = UnitNameFactory(unit=house.unit, **DRAFT)
    for state in ("submitted", "submitted", "draft", "submitted"):
        row.state, row.name = state, f"名{row.pk}{state}"
        row.save()
    pk = row.pk
    row.delete()
    entries = LoggedChange.objects.filter(table_name="registry_unitname", record_id=pk)
    assert entries.count() >= 5
    assert not entries.extra(where=[SEEN_BY_ALL]).exists()  # noqa: S610 - a text of ours


def test_citations_of_what_is_submitted_are_hidden(house: House):
    row: Any = UnitNameFactory(unit=house.unit, state="submitted")
    citation = row.citations.get()
    assert not Citation.objects.visible_to(None).filter(pk=citation.pk).exists()
    assert Citation.objects.visible_to(User.objects.get(pk=house.users[0].pk)).filter(pk=citation.pk).exists()


def test_the_setting_takes_one_or_two(monkeypatch: pytest.MonkeyPatch):
    def by_two() -> bool:
        return read_choice("REVIEW", ("one", "two"), default="one") == "two"

    monkeypatch.delenv("REVIEW", raising=False)
    assert not by_two()
    for given, expected in (("two", True), (" Two ", True), ("one", False)):
        monkeypatch.setenv("REVIEW", given)
        assert by_two() is expected
    monkeypatch.setenv("REVIEW", "three")
    with pytest.raises(ImproperlyConfigured, match="REVIEW is not valid: 'three' is none of one, two"):
        by_two()
