"""What tests of the history share: writes of every kind, as a stream of requests."""

import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from apps.accounts.models import User
from apps.common.writing.transaction import write_transaction
from apps.events.models import Event
from apps.evidence.models import Citation
from apps.registry.models import Alliance, District, MemberUnit, UnitName
from tests import factories
from tests.pages import carried


def unique(stem: str) -> str:
    """Return a slug that no test used before."""
    return f"{stem}-{uuid.uuid4().hex[:12]}"


def new_number() -> str:
    """Return six digits of a district that is not there."""
    return f"98{random.randrange(10_000):04}"  # noqa: S311


def through_the_admin(chance: random.Random) -> None:
    """Change a division in the admin."""
    client = Client()
    client.force_login(
        User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("admin-of-tests")
    )
    district = factories.DistrictFactory(code=f"97{chance.randrange(10_000):04}")
    prefix = "evidence-citation-content_type-object_id"
    form = {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0, "name": f"新{chance.random()}", "kind": "county"}
    form |= dict.fromkeys(("editions", "established_on", "abolished_on", "successor"), "")
    form |= {f"{date}_on_{part}": "" for date in ("established", "abolished") for part in ("wording", "relative_to")}
    address = f"/admin/registry/district/{district.pk}/change/"
    answer = client.post(address, carried(client.get(address).content) | form)
    assert answer.status_code == 302, answer.content.decode()


def by_orm(chance: random.Random) -> None:
    alliance = factories.AllianceFactory(name=f"随机联盟{chance.random()}", slug=unique("orm"))
    alliance.summary = "第一"
    alliance.save()
    factories.FigureFactory(subject=alliance, value="1234567890123.45", slug=unique("figure"))
    alliance.founded_on = "2013-06"
    alliance.save()
    factories.rest(alliance)


def in_bulk(chance: random.Random) -> None:
    units = [MemberUnit(slug=unique("bulk"), name=f"单位{chance.random()}", kind="company") for _number in range(5)]
    made = MemberUnit.objects.bulk_create(units)
    for unit in made:
        unit.name += "改"
    MemberUnit.objects.bulk_update(made[:3], ["name"])


def by_update(chance: random.Random) -> None:
    units = MemberUnit.objects.filter(pk__in=[*MemberUnit.objects.order_by("?").values_list("pk", flat=True)[:3]])
    units.update(summary=f"更新{chance.random()}")
    factories.rest(*units.filter(state="published"))


def by_deleting(chance: random.Random) -> None:
    alliance = factories.AllianceFactory(slug=unique("deleted"))
    factories.MembershipFactory(alliance=alliance, slug=unique("deleted"))
    alliance.citations.all().delete()
    alliance.delete()


def by_sql(chance: random.Random) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE registry_memberunit SET summary = summary || %s WHERE id %% 7 = 0 AND summary <> ''", ["※"]
        )
        cursor.execute("UPDATE registry_district SET code = code || '-2001' WHERE code = '310101'")
        slugs = [unique("raw") for _number in range(2)]
        with cursor.copy(
            "COPY registry_memberunit"
            " (created_at, updated_at, slug, state, name, name_pinyin, search_text, prose, kind, summary) FROM STDIN"
        ) as copy:
            for slug in slugs:
                copy.write_row(("now", "now", slug, "draft", "抄来", "Chao", "抄来", "", "company", 'a\\b\n\t"c"'))
        cursor.execute("DELETE FROM registry_memberunit WHERE slug = %s", [slugs[0]])


def by_links(chance: random.Random) -> None:
    event = Event.objects.order_by("?").first()
    event.projects.add(*[factories.ProjectFactory(slug=unique("linked")) for _number in range(2)])
    if chance.random() < 0.5:
        event.projects.clear()
    factories.rest(event)


def by_aliases(chance: random.Random) -> None:
    UnitName.objects.order_by("pk").filter(pk__gt=chance.randrange(5)).update(valid_from="2001~")
    Citation.objects.filter(pk=Citation.objects.order_by("?").first().pk).update(read={"name": "seen"})
    Alliance.objects.update(slogan=f"口号{chance.randrange(3)}")
    factories.rest(*Alliance.objects.filter(state="published"), *UnitName.objects.filter(state="published"))


WRITES: list[Callable[[random.Random], None]] = [
    by_orm,
    in_bulk,
    by_update,
    by_deleting,
    by_sql,
    by_links,
    by_aliases,
    through_the_admin,
]


@pytest.fixture
def write_at_random(db: Any) -> Callable[[int], list[str]]:
    """Return a function that makes so many requests of random writes, and gives their ids."""
    factories.cite(factories.AllianceFactory(slug=unique("first"), cited=False, state="draft"))

    def write(number: int, seed: int = 1) -> list[str]:
        chance = random.Random(seed)  # noqa: S311 - the same choices in every run
        made = []
        for write in chance.sample(WRITES, len(WRITES)) + chance.choices(WRITES, k=max(number - len(WRITES), 0)):
            made.append(str(uuid.uuid4()))
            with write_transaction(request_id=made[-1], reason=write.__name__):
                if write is through_the_admin:
                    District.objects.filter(code__startswith="97").update(name="旧")
                write(chance)
        return made

    return write
