"""Many units at once on the places of a round: none is given twice, no quota is broken, and all others are told why."""

import random
import time
from collections import Counter
from datetime import timedelta
from typing import Any, NamedTuple

import psycopg
import pytest
from django.db import transaction

from apps.accounts import actions
from apps.common.values.dates import today
from tests import factories
from tests.faults.clients import Caller, Reply, at_once
from tests.full import FULL
from tests.running import Service, apart, connected_to

# The mark for the database makes pytest-django set up the one that the service gets a copy of.
pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db]
CLAIMANTS = 200 if FULL else 40
WRITERS, SECONDS = 16, 60 if FULL else 3
PLACES, QUOTA = 3, 2
ROOT = "/api/v1"
# Projects of the round with more claims than places, and units with more claims than the quota.
TOO_MANY = """
    SELECT 'places', put_up.slug, count(*) FROM projects_claim AS claim
    JOIN projects_roundproject AS put_up ON put_up.id = claim.round_project_id
    WHERE claim.status IN ('accepted', 'under_way', 'completed', 'confirmed')
    AND NOT (claim.status = 'accepted' AND coalesce(claim.lapses_on_latest < %(today)s, false))
    GROUP BY put_up.slug, put_up.places HAVING count(*) > put_up.places
    UNION ALL
    SELECT 'quota', unit.slug, count(*) FROM projects_claim AS claim
    JOIN projects_roundproject AS put_up ON put_up.id = claim.round_project_id
    JOIN projects_round AS round ON round.id = put_up.round_id
    JOIN registry_memberunit AS unit ON unit.id = claim.unit_id
    WHERE claim.status IN ('requested', 'accepted', 'under_way', 'completed', 'confirmed')
    AND NOT (claim.status = 'accepted' AND coalesce(claim.lapses_on_latest < %(today)s, false))
    GROUP BY unit.slug, round.id, round.most_claims HAVING count(*) > round.most_claims
"""


class Round(NamedTuple):
    """An open round of a street, its projects by the keys of their places, and who speaks for street and units."""

    places: dict[str, str]
    units: list[str]
    tokens: list[str]
    keeper: str


def token_of(**appointment: Any) -> str:
    """Return a token of somebody with one appointment."""
    appointed: Any = factories.AppointmentFactory(**appointment)
    expires = factories.TokenFactory.build().expires_at
    scopes = ["read", "write"]
    _token, text = actions.make_token(
        user=appointed.user, name="claims", scopes=scopes, appointments=[appointed], expires_at=expires
    )
    return text


def make_round(url: str, *, units: int, projects: int, places: int, **values: Any) -> Round:
    """Make an open round in a database."""
    with connected_to(url), transaction.atomic():
        street: Any = factories.StreetFactory()
        made: Any = factories.RoundFactory(street=street, mode="first_come", status="open", **values)
        put_up: dict[str, str] = {}
        for _number in range(projects):
            project: Any = factories.ProjectFactory(alliance=None, street=street)
            place: Any = factories.RoundProjectFactory(round=made, project=project, places=places)
            put_up[place.slug] = project.slug
        claimants: list[Any] = [factories.MemberUnitFactory(street=street) for _number in range(units)]
        tokens = [token_of(role="representative", unit=unit) for unit in claimants]
        return Round(put_up, [unit.slug for unit in claimants], tokens, token_of(role="curator", street=street))


@pytest.fixture
def service(shared_service: Service) -> Service:
    """A service without limits on how often it is asked."""
    return shared_service


def claim(own: Caller, asked: Round, number: int, place: str) -> Reply:
    """Claim a place for a unit."""
    body = {"round_project": place, "project": asked.places[place], "unit": asked.units[number]}
    return own.send("POST", "claims", {"state": "published", **body})


def broken(url: str) -> list[tuple[Any, ...]]:
    """Return the places and quotas that are exceeded."""
    with psycopg.connect(url) as connection:
        return connection.execute(TOO_MANY, {"today": today()}).fetchall()


def test_of_many_claims_on_one_place_one_gets_it(
    service: Service, django_db_blocker: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with django_db_blocker.unblock():
        asked = apart(lambda: make_round(service.url, units=CLAIMANTS, projects=1, places=1))
    (place,) = asked.places

    def take(number: int) -> Reply:
        with Caller(service, asked.tokens[number]) as own:
            return claim(own, asked, number, place)

    replies = at_once(CLAIMANTS, take)
    with capsys.disabled():
        print(f"\n{CLAIMANTS} claims on one place: {Counter(reply.status for reply in replies)}")  # noqa: T201
    assert Counter(reply.status for reply in replies) == {201: 1, 409: CLAIMANTS - 1}
    lost = [error["code"] for reply in replies if reply.status == 409 for error in reply.content["errors"]]
    assert set(lost) == {"no_place"}
    assert broken(service.url) == []


def test_places_and_quotas_hold_while_many_claim_release_and_lapse(
    service: Service, django_db_blocker: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with django_db_blocker.unblock():
        asked = apart(
            lambda: make_round(service.url, units=WRITERS, projects=4, places=PLACES, most_claims=QUOTA, lease_days=1)
        )
    end = time.monotonic() + SECONDS
    seen: list[tuple[Any, ...]] = []

    def work(number: int) -> Counter[str]:
        """Claim places at random, start or give back what one has, and let some leases run out."""
        chance, done = random.Random(number), Counter[str]()  # noqa: S311
        with Caller(service, asked.tokens[number]) as own:
            held: list[str] = []
            while time.monotonic() < end:
                if held and chance.random() < 0.6:
                    path = held.pop(chance.randrange(len(held)))
                    step = chance.choice(["release", "start", "lapse"])
                    if step == "lapse":
                        over = (today() - timedelta(days=1)).isoformat()
                        _let_lapse(service.url, path.rpartition("/")[2], over)
                        done["lapse"] += 1
                        continue
                    reply = own.send("POST", f"{path}/{step}", {"reason": "test"} if step == "release" else {})
                else:
                    step, reply = "claim", claim(own, asked, number, chance.choice([*asked.places]))
                    if reply.status == 201:
                        held.append(f"claims/{reply.content['slug']}")
                code = "" if reply.status < 400 else reply.content.get("errors", [reply.content])[0]["code"]
                done[f"{step} {reply.status} {code}".strip()] += 1
                if number == 0:
                    seen.extend(broken(service.url))
        return done

    total: Counter[str] = sum(at_once(WRITERS, work), Counter())
    with capsys.disabled():
        print(f"\n{WRITERS} writers for {SECONDS} s: {dict(total)}; violations: {len(seen)}")  # noqa: T201
    assert seen == broken(service.url) == []
    assert {code.split()[1] for code in total if " " in code} <= {"200", "201", "409"}
    assert {code.split()[2] for code in total if " 409 " in code} <= {
        *("no_place", "quota", "unique", "wrong_state", "lapsed", "conflict"),
    }
    assert total["claim 201"]


def _let_lapse(url: str, slug: str, over: str) -> None:
    """Let the lease of a claim have ended, as if the days had passed."""
    with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
        connection.execute(
            "UPDATE projects_claim SET lapses_on = %(over)s::text,"
            " lapses_on_earliest = %(over)s::date, lapses_on_latest = %(over)s::date"
            " WHERE slug = %(slug)s AND status = 'accepted'",
            {"over": over, "slug": slug},
        )
        connection.execute(
            "UPDATE evidence_attestation SET says = says - 'lapses_on' WHERE object_id ="
            " (SELECT id FROM projects_claim WHERE slug = %(slug)s) AND 'lapses_on' = ANY(supports)",
            {"slug": slug},
        )
