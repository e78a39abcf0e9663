"""Writing single records over HTTP: what goes in, what is refused, and that nobody's change is lost."""

from typing import Any

import pytest
from django.db import connection

from apps.common.models import Citable
from apps.events.models import Event
from apps.registry.models import Alliance, MemberUnit
from partybuild.api import viewsets
from tests.conftest import Api
from tests.factories import (
    AllianceFactory,
    ArticleFactory,
    DIGEST_OF_X,
    EventFactory,
    FigureFactory,
    MembershipFactory,
    MemberUnitFactory,
    ProjectFactory,
    StreetFactory,
    UserFactory,
)
from tests.rows import make_full
from tests.writing import Keeper

RESOURCES = sorted(viewsets())


@pytest.fixture
def keeper(db: None) -> Keeper:
    return Keeper(UserFactory(is_staff=True, is_superuser=True))


def stored(record: Any) -> dict[str, Any]:
    """Return the columns of a row."""
    row: dict[str, Any] = type(record)._base_manager.filter(pk=record.pk).values().get()
    return row


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_body_of_a_get_is_a_put_that_changes_nothing(keeper: Keeper, resource: str) -> None:
    model: type[Citable] = viewsets()[resource].queryset.model
    record = make_full(model)
    before = stored(record)
    path = f"{resource}/{record.key}"
    for query in ("", "?labels=true"):
        body = keeper.get(path + query)
        assert keeper.write("PUT", path, body) == keeper.get(path)
        assert stored(record) == before
    dry = keeper.write("PUT", f"{path}?dry_run=true", keeper.get(path))
    assert dry["changes"] == [{"resource": resource, "key": record.key, "operation": "update", "fields": []}]


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_read_only_member_is_refused_where_it_says_something_else(keeper: Keeper, resource: str) -> None:
    viewset = viewsets()[resource]
    record = make_full(viewset.queryset.model)
    path = f"{resource}/{record.key}"
    shown = viewset.contract().shown  # type: ignore[attr-defined]
    body = {name: "something else" for name in shown}
    tag = keeper.tag(path)
    assert keeper.refused("PATCH", path, body, 400, **{"If-Match": tag}) == {f"/{name}": "read_only" for name in shown}
    found = keeper.refused("PATCH", path, {"nonsense": 1}, 400, **{"If-Match": tag})
    assert found == {"/nonsense": "unknown_field"}
