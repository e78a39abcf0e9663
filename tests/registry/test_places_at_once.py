"""Records that move while others are hung on them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from tests import factories
from tests.running import connected_to


@pytest.fixture(scope="module")
def registry(loaded_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """Return the URL of a registry of one's own, to which Django is connected."""
    with django_db_blocker.unblock(), connected_to(loaded_url):
        yield loaded_url


def test_nothing_is_hung_on_a_record_while_it_moves(registry: str) -> None:
    here, there = factories.StreetFactory(), factories.StreetFactory()
    alliance = factories.AllianceFactory(street=here, state="draft")  # whose place rests on nothing

    def hang(number: int) -> None:
        with connected_to(registry), transaction.atomic():
            factories.ProjectFactory(alliance=alliance, slug=f"hung-{number}", name=f"项目{number}", state="draft")

    def move(number: int) -> None:
        with connected_to(registry), connection.cursor() as cursor:
            street = (here, there)[number % 2]
            cursor.execute("UPDATE registry_alliance SET street_id = %s WHERE id = %s", [street.pk, alliance.pk])

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(job, number) for number in range(40) for job in (hang, move)]
        for job in jobs:
            job.result()
    alliance.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE in_street_id = %s) FROM projects_project WHERE alliance_id = %s",
            [alliance.street_id, alliance.pk],
        )
        assert cursor.fetchone() == (40, 40)
