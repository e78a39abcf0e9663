"""What was known of records and lists: what their pages said then, and the same in both ways in which it is read."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker

from apps.accounts.models import User
from apps.common.reading import page_sql
from apps.common.sql.statement import STATEMENTS
from apps.common.writing.transaction import write_transaction
from apps.history.reverting import revert
from apps.projects.models import Category, Claim, Project
from apps.registry.models import Alliance, Membership, MemberUnit
from tests import factories
from tests.running import connected_to

STEPS = 5  # between two instants
INSTANTS = 5
Then = dict[str, tuple[int, Any]]


@pytest.fixture
def registry(loaded_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Return the URL of a registry of one's own, to which Django is connected: its transactions do end."""
    with django_db_blocker.unblock(), connected_to(loaded_url):
        yield loaded_url


class World:
    """A few records that hang on each other, and what is done with them at random."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - the same in every run
        self.street: Any = factories.StreetFactory()
        self.alliances: list[Any] = [factories.AllianceFactory(street=self.street) for _each in range(3)]
        self.units: list[Any] = [factories.MemberUnitFactory() for _each in range(3)]
        self.projects: list[Any] = [factories.ProjectFactory(alliance=each) for each in self.alliances for _two in "ab"]
        self.event: Any = factories.EventFactory(alliance=self.alliances[0])
        self.addresses: list[str] = []
        self.deleted: list[str] = []
        for record in (*self.alliances, *self.units, *self.projects, self.event):
            self.note(record)
        self.lists: list[str] = ["/api/v1/projects?page_size=3&ordering=-updated_at&count=true&facets=kind,alliance"]
        self.lists += [f"/api/v1/memberships?alliance={each.slug}&page_size=2&count=true" for each in self.alliances]
        self.lists += [f"/api/v1/claims?project={each.slug}&count=true" for each in self.projects]
        for _each in range(4):
            self.add()

    def note(self, record: Any) -> None:
        self.addresses.append(f"/api/v1/{record.resource}/{record.slug}")

    def one(self, records: Any) -> Any:
        """Return one of some records, if there is any."""
        found = list(records.order_by("pk"))
        return self.chance.choice(found) if found else None

    def own(self, model: Any) -> Any:
        return model.objects.filter(slug__in=[address.rpartition("/")[2] for address in self.addresses])

    def add(self) -> None:
        project = self.one(self.own(Project))
        self.note(factories.ClaimFactory(project=project))
        alliance = self.chance.choice(self.alliances)
        self.note(factories.MembershipFactory(alliance=alliance, unit=factories.MemberUnitFactory()))
        self.note(factories.CategoryFactory(programme=project))

    def rename(self) -> None:
        for model in (Project, MemberUnit, Alliance, Category):
            if record := self.one(self.own(model)):
                record.name = f"改名{self.chance.random()}"
                record.save()
                factories.rest(record)

    def describe(self) -> None:
        self.own(Project).update(summary=f"概要{self.chance.random()}", kind=self.chance.choice(["service", "brand"]))
        factories.rest(*self.own(Project))
        self.own(Membership).update(as_written=f"原文{self.chance.random()}")
        factories.rest(*self.own(Membership))

    def move(self) -> None:
        whole, part = self.chance.sample(self.projects, 2)
        Project.objects.filter(parent=part).update(parent=None)
        Project.objects.filter(pk=part.pk).update(parent=None, alliance=self.chance.choice(self.alliances))
        if not Project.objects.filter(pk=whole.pk).exclude(parent=None).exists():
            Project.objects.filter(pk=part.pk).update(parent=whole)
        if claim := self.one(self.own(Claim)):
            Claim.objects.filter(pk=claim.pk).update(project=whole)
        if membership := self.one(self.own(Membership)):
            Membership.objects.filter(pk=membership.pk).update(alliance=self.chance.choice(self.alliances))
        factories.rest(*self.own(Project), *self.own(Claim), *self.own(Membership))

    def link(self) -> None:
        self.event.projects.set(self.chance.sample(self.projects, self.chance.randint(0, 3)))
        factories.rest(self.event)

    def delete(self) -> None:
        for model in (Claim, Membership, Category):
            if record := self.one(self.own(model)):
                record.citations.all().delete()
                record.delete()

    def step(self, number: int) -> None:
        """Do one thing, in a transaction of its own; what was deleted comes back now and then."""
        if self.deleted and self.chance.random() < 0.5:
            with write_transaction(reason="取消"):
                revert(self.deleted.pop(), keep=True, user=User(is_superuser=True))
            return
        things: list[Callable[[], None]] = [self.add, self.rename, self.describe, self.move, self.link, self.delete]
        done = things[number % len(things)]
        with write_transaction(request_id=f"step-{number}", reason=done.__name__):
            done()
        if done == self.delete:
            self.deleted.append(f"step-{number}")


def asked(client: Client, addresses: list[str], instant: str = "") -> Then:
    """Return the status and body of some addresses, without the cursors of lists, which name the instant."""
    found: Then = {}
    for address in addresses:
        sign = "&" if "?" in address else "?"
        answer = client.get(f"{address}{sign}known_at={instant}" if instant else address)
        body = answer.json() if answer.status_code == 200 else {}
        found[address] = (
            answer.status_code,
            {name: body[name] for name in body if not name.startswith(("next", "prev"))},
        )
    return found


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def test_a_record_is_as_its_page_said_it_was_then(registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    with write_transaction(reason="begin"):
        world = World(1)
    told: list[tuple[str, Then]] = []
    for number in range(INSTANTS * STEPS):
        if number % STEPS == 0:
            body = asked(client, world.addresses + world.lists)
            told.append((now(), body))
        world.step(number)
    present, others, lists = asked(client, world.addresses + world.lists), 0, 0
    for instant, then in told:
        for address, answer in asked(client, [*then], instant).items():
            assert answer == then[address], (address, instant)
            others += answer != present[address]
            lists += answer != present[address] and address in world.lists
    assert others > 60
    assert lists > 15

    # From here on some is hidden: what a reader may not see now he does not see then, by whichever form it is read.
    with write_transaction(reason="撤回"):
        for model in (Claim, Membership, Category):
            model.objects.filter(pk__in=world.own(model).order_by("pk")[:2]).update(state="draft")
        Alliance.objects.filter(pk=world.alliances[1].pk).update(street=factories.StreetFactory())
        factories.rest(Alliance.objects.get(pk=world.alliances[1].pk))
    curator: Any = factories.AppointmentFactory(role="curator", street=world.street)
    instants = [told[1][0], told[-1][0]]
    readers = [client, Client(), Client()]
    readers[1].force_login(curator.user)
    readers[2].force_login(factories.AppointmentFactory().user)
    kinds = ("projects", "claims")
    chosen = [address for address in world.addresses + world.lists if address.split("/")[3].split("?")[0] in kinds]
    by_one = [asked(reader, chosen, instant) for reader in readers for instant in instants]
    in_general = page_sql.known_at
    monkeypatch.setattr(page_sql, "known_at", lambda *given, of_one=False, **more: in_general(*given, **more))
    STATEMENTS.clear()
    assert [asked(reader, chosen, instant) for reader in readers for instant in instants] == by_one
    STATEMENTS.clear()
    assert {status for then in by_one for status, _body in then.values()} == {
        200,
        400,
        404,
    }  # 400: a list of what belongs to a record that the reader may not see
