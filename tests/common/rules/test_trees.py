"""No record is a part of itself, by whatever way it is written, and however many write at the same time (row 11)."""

from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.test import Client
from django.utils import translation

from apps.common.models.records import Citable
from apps.common.resources.registry import viewsets
from apps.common.rules.guards import sentence_of
from apps.common.rules.trees import STANDS_BELOW, TreeKey, tree_keys
from apps.history.reverting import revert
from apps.identity.merge_result import MergeError
from apps.identity.merging import merge
from apps.registry.models import MemberUnit
from tests import factories
from tests.common.admin.test_records import change_address, errors, filled_in
from tests.rows import make
from tests.writing import Keeper

pytestmark = pytest.mark.django_db

OWN = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
TREES = [(model, field.name) for model in OWN for field in tree_keys(model)]
# Of a neighbourhood's committee only estates have one.
every_tree = pytest.mark.parametrize(
    ("model", "name"), TREES, ids=[f"{model.__name__}.{name}" for model, name in TREES]
)


@pytest.fixture
def keeper() -> Keeper:
    return Keeper(factories.UserFactory(is_staff=True, is_superuser=True))


def rows_of(model: type[models.Model], name: str, count: int) -> list[Any]:
    """Return rows, each below the one before it."""
    found: list[Any] = []
    for number in range(count):
        given = {name: found[-1]} if found else {}
        if name == "committee":
            given |= {"kind": "estate", "code": None, "slug": f"an-estate-of-tests-{number}"}
        found.append(make(model, **given))
    return found


def test_every_reference_of_a_model_to_itself_is_a_tree() -> None:
    own = [
        field
        for model in OWN
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.related_model is model
    ]
    assert len(own) == len(TREES) >= 9
    assert all(isinstance(field, TreeKey) for field in own)
    for model, name in TREES:
        assert sentence_of(f"{model._meta.db_table}_{name}_id_goes_round") is not None


@every_tree
def test_a_circle_is_refused_at_its_field(keeper: Keeper, model: type[Citable], name: str) -> None:
    top, middle, bottom = rows_of(model, name, 3)
    path, key = f"{model.resource}/{top.key}", bottom.key
    tag = keeper.tag(path)
    for body in ({name: key}, {name: top.key}):
        assert keeper.refused("PATCH", path, body, 400, If_Match=tag).keys() == {f"/{name}"}
    whole = {**keeper.get(path), name: key}
    assert f"/{name}" in keeper.refused("PUT", path, whole, 400, If_Match=tag)
    item = {"key": top.key, "updated_at": keeper.get(path)["updated_at"], name: middle.key}
    assert keeper.refused("PATCH", f"{model.resource}/bulk", {"items": [item]}, 400).keys() == {f"/items/0/{name}"}
    for language in ("en", "zh-hans"):
        answer = keeper.send(
            "PATCH", path, {name: key, "change_reason": "x"}, **{"If-Match": tag, "Accept-Language": language}
        )
        with translation.override(language):
            assert answer.json()["errors"] == [{"pointer": f"/{name}", "code": "circle", "detail": str(STANDS_BELOW)}]
    assert keeper.get(path)[name] is None


@every_tree
def test_two_records_are_not_turned_towards_each_other(keeper: Keeper, model: type[Citable], name: str) -> None:
    (one,), (other,) = rows_of(model, name, 1), rows_of(model, name, 1) if name != "committee" else [None]
    if other is None:
        other = make(model, kind="estate", code=None, slug="another-estate-of-tests")
    items = [
        {"key": row.key, "updated_at": keeper.get(f"{model.resource}/{row.key}")["updated_at"], name: end.key}
        for row, end in ((one, other), (other, one))
    ]
    assert keeper.refused("PATCH", f"{model.resource}/bulk", {"items": items}, 400).keys() == {f"/items/1/{name}"}
    table = connection.ops.quote_name(model._meta.db_table)
    with pytest.raises(IntegrityError, match="below itself"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {name}_id = CASE id WHEN %s THEN %s ELSE %s END WHERE id IN (%s, %s)",  # noqa: S608
            [one.pk, other.pk, one.pk, one.pk, other.pk],
        )
    with pytest.raises(IntegrityError, match=r"below itself|not_own"), transaction.atomic():
        model._base_manager.filter(pk=one.pk).update(**{name: one})


@every_tree
def test_a_form_refuses_a_circle_at_its_field(model: type[Citable], name: str) -> None:
    top, _middle, bottom = rows_of(model, name, 3)
    client = Client(headers={"accept-language": "en"})
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    given = {**filled_in(client.get(change_address(top))), name: bottom.pk}
    found = errors(client.post(change_address(top), given))
    assert found[name] == [str(STANDS_BELOW)]


@pytest.mark.parametrize("resource", [model.resource for model, name in TREES if name == "parent"])
def test_an_import_refuses_a_circle_at_its_row(keeper: Keeper, resource: str) -> None:
    model = viewsets()[resource].queryset.model
    top, _middle, bottom = rows_of(model, "parent", 3)
    table = f"slug,parent\n{bottom.slug},{bottom.parent.slug}\n{top.slug},{bottom.slug}\n"
    answer = keeper.client.generic(
        "POST", f"/api/v1/{resource}/import?change_reason=x", data=table, content_type="text/csv"
    )
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/rows/3/parent"]


def test_a_merge_and_a_reversion_make_no_circle(keeper: Keeper) -> None:
    """What a reversion would bring back may be above what stands below it by now."""
    top, bottom = rows_of(MemberUnit, "parent", 2)
    with pytest.raises(MergeError, match="part of itself"):
        merge(loser=top, winner=bottom, reason="x", request_id="x")
    path = f"member-units/{bottom.key}"
    answer = keeper.send("PATCH", path, {"parent": None, "change_reason": "x"}, **{"If-Match": keeper.tag(path)})
    keeper.write("PATCH", f"member-units/{top.key}", {"parent": bottom.key})
    outcome = revert(answer.headers["X-Request-ID"], keep=True, user=factories.UserFactory(is_superuser=True))
    assert [message for _step, message in outcome.obstacles] == [str(STANDS_BELOW)]


def test_new_rows_make_no_circle_either() -> None:
    """Their references are checked at the end of the transaction, so that each may name the other."""
    rows = [MemberUnit(pk=9_000_000 + n, slug=f"new-{n}", name="X", kind="company") for n in (0, 1)]
    rows[0].parent_id, rows[1].parent_id = rows[1].pk, rows[0].pk
    with pytest.raises(IntegrityError, match="below itself"), transaction.atomic():
        MemberUnit.objects.bulk_create(rows)
    rows[0].save(force_insert=True)
    with pytest.raises(IntegrityError, match="below itself"), transaction.atomic():
        rows[1].save(force_insert=True)
    rows[0].delete()


def test_what_stays_where_it_is_pays_nothing() -> None:
    """No lock is taken where a row keeps its parent."""
    top, bottom = rows_of(MemberUnit, "parent", 2)
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock_all()")
        cursor.execute(held)
        before = cursor.fetchone()
        bottom.summary = "changed"
        bottom.save()
        cursor.execute(held)
        assert cursor.fetchone() == before
        assert top.pk == bottom.parent_id
