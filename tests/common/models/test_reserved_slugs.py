"""Slugs that a long write reserves: taken for others as long as its transaction lasts, and no longer."""

import pytest
from django.db import connection

from apps.common.models.reserved_slugs import Reservations, ReservedSlug, reserved_among
from apps.registry.models import MemberUnit
from tests.factories import MemberUnitFactory

pytestmark = pytest.mark.django_db
TABLE = MemberUnit._meta.db_table


def test_what_another_transaction_reserves_is_taken_until_it_ends() -> None:
    MemberUnitFactory(name="已有单位", slug="yiyou-danwei", cited=False, state="draft")
    beside = connection.copy()
    try:
        with beside.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_current_xact_id()::text")
            (holder,) = cursor.fetchone()
        rows = [ReservedSlug(table=TABLE, slug=slug, holder=holder) for slug in ("ceshiyuliu", "ceshiyuliu-2")]
        ReservedSlug.objects.bulk_create(rows)
        assert reserved_among(TABLE, ["ceshiyuliu", "frei"]) == {"ceshiyuliu"}
        assert reserved_among("registry_venue", ["ceshiyuliu"]) == set()
        assert MemberUnit(name="测试预留")._free_slug() == "ceshiyuliu-3"
        with Reservations(MemberUnit) as own, own.choosing() as taken_among:
            assert taken_among(["ceshiyuliu", "yiyou-danwei", "frei"]) == {"ceshiyuliu", "yiyou-danwei"}
        with beside.cursor() as cursor:
            cursor.execute("ROLLBACK")
        assert reserved_among(TABLE, ["ceshiyuliu"]) == set()
        assert MemberUnit(name="测试预留")._free_slug() == "ceshiyuliu"
    finally:
        beside.close()


def test_a_reservation_out_of_another_database_is_worth_nothing() -> None:
    ReservedSlug.objects.create(table=TABLE, slug="ceshiyuliu", holder=str(2**50))
    assert reserved_among(TABLE, ["ceshiyuliu"]) == set()


def test_while_slugs_are_chosen_others_wait_and_afterwards_they_do_not() -> None:
    beside = connection.copy()

    def is_locked() -> bool:
        with beside.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", [f"slugs of {TABLE}"])
            (taken,) = cursor.fetchone()
        return not taken

    try:
        with Reservations(MemberUnit) as own:
            with own.choosing():
                assert is_locked()
            own.reserve(["ceshiyuliu"])
            assert not is_locked()
            with beside.cursor() as cursor:
                cursor.execute("SELECT slug FROM common_reservedslug")
                assert ("ceshiyuliu",) in cursor.fetchall()
        assert reserved_among(TABLE, ["ceshiyuliu"]) == set()  # one's own
    finally:
        with beside.cursor() as cursor:
            cursor.execute("DELETE FROM common_reservedslug WHERE slug = 'ceshiyuliu'")
        beside.close()
