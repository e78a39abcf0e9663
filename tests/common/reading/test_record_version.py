"""The version of a record moves with everything that is written into it: every column, and every list (row 10)."""

import datetime
import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from apps.common.models.logged_change import LoggedChange
from apps.common.models.moved import Moved
from apps.common.models.records import Citable
from apps.common.reading.record_version import row_version, version_of, versions_of
from apps.common.resources.registry import viewsets
from apps.common.rules.change_log import logged_models
from apps.common.values.columns import PythonColumn
from apps.events.models import Event
from apps.history.items import feed_items
from tests import factories
from tests.rows import FACTORIES, make, make_full
from tests.writing import Keeper

pytestmark = pytest.mark.django_db

OWN = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
LISTS = [(model, field) for model in OWN for field in model._meta.many_to_many if model in FACTORIES]
RESOURCES = sorted(name for name, view in viewsets().items() if view.queryset.model in FACTORIES)
every_list = pytest.mark.parametrize(("model", "field"), LISTS, ids=[str(field) for _model, field in LISTS])


@pytest.fixture
def keeper() -> Keeper:
    return Keeper(factories.UserFactory(is_staff=True, is_superuser=True))


def another(field: Any, value: Any) -> Any:
    """Return a value that a column does not hold."""
    match field:
        case ArrayField():
            return [*value, another(field.base_field, None)]
        case models.ForeignKey():
            return (value or 0) + 1
        case models.DateTimeField():
            return (value or datetime.datetime.now(datetime.UTC)) + datetime.timedelta(microseconds=1)
        case models.DateField():
            return datetime.date(1990, 1, 1)
        case models.DecimalField():
            return value + Decimal("0.01")
        case models.BooleanField():
            return not value
        case models.IntegerField():
            return (value or 0) + 1
        case models.JSONField():
            return {"another": value}
    return "y" if value != "y" else "z"


@pytest.mark.parametrize("model", [model for model in OWN if model in FACTORIES], ids=lambda model: model.__name__)
def test_the_version_moves_with_every_column(model: type[models.Model]) -> None:
    """Of the stored row with one other value: what the rules would say of that value is not asked here."""
    row = make(model)
    row.refresh_from_db()  # the database fills columns
    table, pk = map(connection.ops.quote_name, (model._meta.db_table, model._meta.pk.column))
    names = {field.name: connection.ops.quote_name(field.column) for field in model._meta.concrete_fields}
    version = row_version(model, lambda name: f"x.{names[name]}")
    other = f"SELECT (jsonb_populate_record(t, %s::jsonb)).* FROM {table} AS t WHERE {pk} = %s"  # noqa: S608

    def with_value(values: dict[str, Any]) -> str:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {version} FROM ({other}) AS x", [json.dumps(values, default=str), row.pk])  # noqa: S608
            return str(cursor.fetchone()[0])

    assert with_value({}) == version_of(row) == versions_of(model, [row.pk])[row.pk]
    seen = {with_value({})}
    for number, field in enumerate(model._meta.concrete_fields, start=2):
        is_made = field.generated or isinstance(field, PythonColumn) or field.primary_key
        value = another(field, field.value_from_object(row))
        seen.add(f"made {number}" if is_made else with_value({str(field.column): value}))
        assert len(seen) == number, field


@every_list
def test_the_version_moves_with_every_list(model: type[models.Model], field: Any) -> None:
    row = make_full(model) if issubclass(model, Citable) else make(model)
    target = make(field.related_model) if field.related_model in FACTORIES else field.related_model.objects.last()
    manager = getattr(row, field.name)
    seen = [version_of(row)]
    dated = hasattr(row, "updated_at")
    times = [model._base_manager.get(pk=row.pk).updated_at] if dated else []
    for change in (
        lambda: manager.add(target),
        lambda: manager.remove(target),
        lambda: manager.set([target]),
        lambda: manager.clear(),
        lambda: field.remote_field.through.objects.bulk_create(
            [
                field.remote_field.through(
                    **{f"{field.m2m_field_name()}_id": row.pk, f"{field.m2m_reverse_field_name()}_id": target.pk}
                )
            ]
        ),
        target.delete,
    ):
        change()
        seen.append(version_of(row))
        if dated:
            times.append(model._base_manager.get(pk=row.pk).updated_at)
    # By the set: what is taken away again leaves what was there before, at another time.
    assert all(one != other for one, other in pairwise(seen))
    if dated:
        assert len(set(times)) == len(times)
        assert times == sorted(times)


def test_every_list_of_records_is_logged_and_dates_its_record() -> None:
    for model in OWN:
        if issubclass(model, Citable):
            for field in model._meta.many_to_many:
                assert field.m2m_db_table() in logged_models()
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE %s",
                        [field.m2m_db_table(), "%moves_updated_at%"],
                    )
                    assert cursor.fetchone() == (4,)


def test_sql_on_the_links_moves_the_record_too() -> None:
    event = make_full(Event)
    table = Event.projects.through._meta.db_table
    times = [Event.objects.get(pk=event.pk).updated_at]
    other = factories.ProjectFactory()
    changed = f"UPDATE {table} SET project_id = %s WHERE id = (SELECT max(id) FROM {table})"  # noqa: S608
    with connection.cursor() as cursor:
        for text, values in ((changed, [other.pk]), (f"DELETE FROM {table}", [])):  # noqa: S608
            cursor.execute(text, values)
            times.append(Event.objects.get(pk=event.pk).updated_at)
        cursor.execute("UPDATE events_event SET summary = summary WHERE id = %s", [event.pk])
    assert len(set(times)) == 3
    assert Event.objects.get(pk=event.pk).updated_at == times[-1]  # the same is no change


def test_every_guard_sees_that_a_list_changed(keeper: Keeper) -> None:
    """Row 10: with the ETag, in bulk, in a file, and in a list of what changed since."""
    event = factories.EventFactory()
    one, other = factories.ProjectFactory(), factories.ProjectFactory()
    path = f"events/{event.slug}"
    tag, seen = keeper.tag(path), keeper.get(path)["updated_at"]
    keeper.write("PATCH", path, {"projects": [one.slug]}, If_Match=tag)
    assert keeper.refused("PATCH", path, {"projects": [other.slug]}, 412, If_Match=tag) == {"": "precondition_failed"}
    item = {"key": event.slug, "updated_at": seen, "projects": [other.slug]}
    assert keeper.refused("PATCH", "events/bulk", {"items": [item]}, 412) == {"/items/0/updated_at": "stale"}
    answer = keeper.client.generic(
        "POST",
        "/api/v1/events/import?change_reason=x",
        data=f"slug,updated_at,projects\n{event.slug},{seen},{other.slug}\n",
        content_type="text/csv",
    )
    assert answer.status_code == 409
    assert [error["code"] for error in answer.json()["errors"]] == ["stale"]
    since = seen.replace("Z", "000Z") if len(seen) == 20 else seen
    listed = keeper.get(f"events?updated_after={since}&page_size=200")["results"]
    assert event.slug in [row["slug"] for row in listed]
    assert [project["key"] for project in keeper.get(path)["projects"]] == [one.slug]


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_feed_has_all_that_can_be_written(keeper: Keeper, resource: str) -> None:
    """Row 20: who puts `data` in the place of what he holds misses nothing."""
    view = viewsets()[resource]
    row = make_full(view.queryset.model)
    entries = LoggedChange.objects.filter(table_name=row._meta.db_table, record_id=row.pk).order_by("number")
    newest: Any = feed_items(list(entries), factories.UserFactory(is_superuser=True))[-1]
    shown = keeper.get(f"{resource}/{row.key}")
    assert set(view.contract().inputs) - {"code", "slug"} <= newest["data"].keys()
    if isinstance(row, Moved):  # what parties told each other alone is not in it
        assert newest["data"].keys().isdisjoint({"reason", "is_public"})
    for field in row._meta.many_to_many:
        assert newest["data"][field.name] == sorted(each["key"] for each in shown[field.name])
        assert len(newest["data"][field.name]) == 2
