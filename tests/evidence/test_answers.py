"""What parties answer to what is said in their name, over HTTP and on the curators' pages."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.evidence.models import Attestation
from tests import factories
from tests.accounts.test_access import Sender, sender
from tests.pages import carried

pytestmark = pytest.mark.django_db
PAPER = {"kind": "form", "title": "登记表", "stated_on": "2024-05", "supports": ["name"]}


class Sides:
    """A unit with a name, a curator of its street, and two who represent it."""

    def __init__(self) -> None:
        self.street: Any = factories.StreetFactory()
        self.unit: Any = factories.MemberUnitFactory(street=self.street)
        self.name: Any = factories.UnitNameFactory(unit=self.unit, state="draft", cited=False)
        self.users: list[Any] = [factories.UserFactory(is_staff=True) for _number in range(3)]
        self.curator = sender(street=self.street, user=self.users[0])
        self.representative = sender(role="representative", unit=self.unit, user=self.users[1])
        self.colleague = sender(role="representative", unit=self.unit, user=self.users[2])

    def recorded(self, by: Sender) -> Attestation:
        """Return what somebody records as said by the unit."""
        body = {**PAPER, "record": f"unit-names/{self.name.slug}", "unit": self.unit.slug, "change_reason": "test"}
        made = by.send("POST", "attestations", body)
        assert made.status_code == 201, made.content.decode()
        return Attestation.objects.get(slug=made.json()["slug"])


@pytest.fixture
def sides() -> Sides:
    return Sides()


def answer(person: Sender, attestation: Attestation, verb: str, status: int = 200) -> Any:
    """Send an answer; return the attestation as it is told then, or the code of the refusal."""
    path = f"attestations/{attestation.slug}/{verb}"
    if status != 200:
        return person.errors("POST", path, {}, status, **{"if-match": "*"}).get("")
    response = person.send("POST", path, {"change_reason": "test"}, **{"if-match": "*"})
    assert response.status_code == 200, response.content.decode()
    return response.json()


def test_the_other_side_confirms_and_disputes(sides: Sides) -> None:
    paper = sides.recorded(sides.curator)
    assert answer(sides.curator, paper, "confirm", 403) == "not_competent"
    confirmed = answer(sides.representative, paper, "confirm")
    assert (bool(confirmed["confirmed_at"]), confirmed["disputed_at"]) == (True, None)
    paper.refresh_from_db()
    assert paper.confirmed_by == sides.users[1]
    disputed = answer(sides.colleague, paper, "dispute")
    assert (disputed["confirmed_at"], bool(disputed["disputed_at"])) == (None, True)
    paper.refresh_from_db()
    assert paper.confirmed_by is None
    assert answer(sides.curator, paper, "retract")["retracted_at"]
    assert answer(sides.representative, paper, "confirm", 409) == "retracted"


@pytest.mark.parametrize("verb", ["confirm", "dispute"])
def test_the_same_side_answers_nothing(sides: Sides, verb: str) -> None:
    paper = sides.recorded(sides.representative)
    for person in (sides.representative, sides.colleague):
        assert answer(person, paper, verb, 403) == "same_side"
    made = sides.representative.send(
        "POST",
        "unit-names",
        {"unit": sides.unit.slug, "name": "自称", "kind": "short", "state": "published", "change_reason": "test"},
    )
    assert made.status_code == 201, made.content.decode()
    act = Attestation.objects.get(kind="act", unit=sides.unit)
    assert answer(sides.colleague, act, verb, 403) == "same_side"
    for row in (paper, act):
        row.refresh_from_db()
        assert (row.confirmed_at, row.disputed_at) == (None, None)


# The pages ------------------------------------------------------------------------------------------------------------


def act_on_page(user: Any, verb: str, *rows: Attestation) -> str:
    """Do an action of the list with some rows; return what the page says then."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    place = reverse("admin:evidence_attestation_changelist")
    shown = carried(client.get(place).content)
    body = {"action": verb, "_selected_action": [row.pk for row in rows], **shown}
    response: Any = client.post(place, body, follow=True)
    assert response.status_code == 200
    return " ".join(map(str, response.context["messages"]))


def test_the_pages_answer_by_the_same_rule(sides: Sides) -> None:
    theirs, own = sides.recorded(sides.curator), sides.recorded(sides.colleague)
    assert "answers for what is said in its name" in act_on_page(sides.users[0], "confirm", theirs)
    assert "recorded this itself" in act_on_page(sides.users[1], "confirm", theirs, own)
    theirs.refresh_from_db()
    assert theirs.confirmed_at is None  # all or none
    assert act_on_page(sides.users[1], "confirm", theirs) == "Confirmed."
    theirs.refresh_from_db()
    assert theirs.confirmed_by == sides.users[1]
    assert act_on_page(sides.users[1], "dispute", theirs) == "Disputed."
    theirs.refresh_from_db()
    assert (theirs.confirmed_at, bool(theirs.disputed_at)) == (None, True)
    assert act_on_page(sides.users[0], "retract", theirs) == "Retracted."


def test_a_page_takes_back_no_last_evidence(sides: Sides) -> None:
    made = sides.representative.send(
        "POST",
        "unit-names",
        {"unit": sides.unit.slug, "name": "自称", "kind": "short", "state": "published", "change_reason": "test"},
    )
    assert made.status_code == 201, made.content.decode()
    act = Attestation.objects.get(kind="act", unit=sides.unit)
    assert "last evidence" in act_on_page(sides.users[1], "retract", act)
    act.refresh_from_db()
    assert act.retracted_at is None


# Who may say what -----------------------------------------------------------------------------------------------------


def test_a_unit_speaks_of_the_events_that_it_organises(sides: Sides) -> None:
    event: Any = factories.EventFactory(street=sides.street)
    body = {**PAPER, "record": f"events/{event.slug}", "unit": sides.unit.slug}
    assert sides.curator.errors("POST", "attestations", body, 400) == {"/supports": "not_competent"}
    factories.ParticipationFactory(event=event, unit=sides.unit, role="attendee", state="published")
    assert sides.curator.errors("POST", "attestations", body, 400) == {"/supports": "not_competent"}
    factories.ParticipationFactory(event=event, unit=sides.unit, role="organiser", state="draft", cited=False)
    assert sides.curator.errors("POST", "attestations", body, 400) == {"/supports": "not_competent"}
    factories.ParticipationFactory(event=event, unit=sides.unit, role="organiser", as_written="本厂")
    made = sides.curator.send("POST", "attestations", {**body, "change_reason": "test"})
    assert made.status_code == 201, made.content.decode()


def test_attestations_are_found_by_their_party_and_paper(sides: Sides) -> None:
    paper = sides.recorded(sides.curator)
    other: Any = factories.AttestationFactory(record=sides.name, unit=factories.MemberUnitFactory(), title="别的表")
    both = f"record=unit-names/{sides.name.slug}"
    assert sides.curator.keys(f"attestations?{both}") == {paper.slug, other.slug}
    for found in (f"q={sides.unit.name}", "title=登记表", f"party=member-units/{sides.unit.slug}"):
        assert sides.curator.keys(f"attestations?{both}&{found}") == {paper.slug}, found
    assert sides.curator.keys(f"attestations?{both}&reference=none") == set()
