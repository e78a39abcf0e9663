"""The drafts of others stay hidden where one's own drafts point at them, by every reference and in every format."""

import json
from typing import Any

import pytest
from django.db import models
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.common.models.logged_change import LoggedChange
from apps.common.models.records import Citable
from apps.common.models.row_names import references_of
from apps.common.resources.registry import viewsets
from apps.common.rules.publishing import references
from apps.history.items import describe, feed_items
from apps.registry.models import Party, Street
from tests import factories
from tests.common.admin.test_records import change_address, errors, filled_in
from tests.full import share
from tests.rows import make

pytestmark = pytest.mark.django_db

POINTERS = [
    (each.model, each.field)
    for each in references()
    if isinstance(each.field, models.ForeignKey | models.ManyToManyField)
]
SECRET = "机密草稿"
# References of which a row has one only.
EXCLUSIVE = {"assessments": ("neighbourhood", "unit", "street")}


def one_of_several(model: type[Citable], name: str) -> set[str]:
    """Return the references of which a row has one only, with one of them; none where it may have the others too."""
    return next((set(keys) for keys in model.parties.values() if name in keys), set())


def own_values(model: type[Citable], street: Street, avoid: str = "") -> dict[str, Any] | None:
    """Return values with which a row lies in a street otherwise than by one of its references."""
    for name in (*model.belongs_to, *model.concerns):
        field = next((each for each in model._meta.concrete_fields if each.name == name), None)
        if (
            name == avoid
            or {name, avoid} <= one_of_several(model, avoid)
            or field is None
            or not issubclass(field.related_model or object, Citable)
        ):
            continue
        if field.related_model is Street:
            return {name: street}
        inner = own_values(field.related_model, street) if field.related_model is not model else None
        if inner is not None:
            return {name: make(field.related_model, **inner)}
    return None


def row_that_points(model: type[Citable], field: Any, street: Street) -> tuple[Any, Any] | None:
    """Return a draft in a street that points at a hidden draft, and that one; None where such a row cannot be."""
    values = own_values(model, street, avoid=field.name)
    subjects = [name for name in EXCLUSIVE.get(model.resource, ()) if name != field.name]
    if field.name in EXCLUSIVE.get(model.resource, ()):
        values = {**dict.fromkeys(subjects), "assessor": factories.MemberUnitFactory(street=street)}
    elif values:
        values = {**dict.fromkeys(subjects), **values}
    if issubclass(model, Party) and field.name in one_of_several(model, "unit"):
        values = {**(values or {}), "unit": None}
    if not values or (field.name in values and values[field.name] is not None):
        return None
    named = {"name": SECRET} if any(each.name == "name" for each in field.related_model._meta.fields) else {}
    target = make(field.related_model, state="draft", slug="a-secret-key", **named)
    given = {} if field.many_to_many else {field.name: target}
    given |= {"role": "awardee"} if field.name == "award" else {}
    row = make(model, state="draft", slug="an-open-key", **{**values, **given})
    if field.many_to_many:
        getattr(row, field.name).set([target])
    return row, target


def every_second(number: int) -> pytest.MarkDecorator:
    """Run a test for each reference; the usual run does for every second one, the other test for those between."""
    chosen = share(number, POINTERS, 2)
    return pytest.mark.parametrize(
        ("model", "field"), chosen, ids=[f"{model.__name__}.{field.name}" for model, field in chosen]
    )


@every_second(1)
def test_no_reference_tells_of_a_foreign_draft(model: type[Citable], field: Any) -> None:
    street = factories.StreetFactory()
    user = User.objects.get(pk=factories.AppointmentFactory(role="curator", street=street).user.pk)
    if (made := row_that_points(model, field, street)) is None:
        return  # such a row lies where its target lies
    row, target = made
    if model.rows().editable_by(user).filter(pk=row.pk).exists() is False:
        return
    assert not type(target).rows().visible_to(user).filter(pk=target.pk).exists()
    client = Client()
    client.force_login(user)
    path = f"/api/v1/{model.resource}"
    detail = client.get(f"{path}/{row.key}")
    assert detail.status_code == 200, detail.content.decode()
    if field.name in detail.json():
        assert detail.json()[field.name] in (None, [])
    addresses = [f"{path}/{row.key}?format=jsonld", f"{path}?sort=-updated_at&page_size=5"]
    addresses += [f"{path}?sort=-updated_at&format={name}" for name in ("csv", "ndjson")]
    view: Any = viewsets()[model.resource]
    if field.name in view.detail_serializer_class.expandable():
        addresses.append(f"{path}/{row.key}?expand={field.name}")
    if field.name in view.filterset_class.base_filters:
        addresses.append(f"{path}?facets={field.name}&page_size=1")
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, (address, answer.content.decode()[:300])
        text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()
        assert "a-secret-key" not in text, address
        assert SECRET not in text, address
    entries = list(LoggedChange.objects.filter(table_name=model._meta.db_table, record_id=row.pk))
    told = json.dumps([feed_items(entries, user), describe(entries, user)], ensure_ascii=False)
    assert row.key in told
    assert "a-secret-key" not in told
    assert SECRET not in told


@every_second(0)
def test_no_page_of_the_admin_names_a_foreign_draft(model: type[Citable], field: Any) -> None:
    """A row is called by what it points at: in titles, lists and search fields, by what its curator sees of that."""
    street = factories.StreetFactory()
    user = User.objects.get(pk=factories.AppointmentFactory(role="curator", street=street, user__is_staff=True).user.pk)
    if (made := row_that_points(model, field, street)) is None:
        return  # such a row lies where its target lies
    row, target = made
    if not model.rows().editable_by(user).filter(pk=row.pk).exists():
        return
    client = Client()
    client.force_login(user)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    pages = [
        reverse(f"{name}_changelist"),
        *(reverse(f"{name}_{page}", args=[row.pk]) for page in ("change", "delete")),
    ]
    told = ""
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200, path
        told += answer.content.decode()
    assert SECRET not in told
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    if hasattr(target, "name") and field.name in references_of(model):
        assert SECRET in client.get(pages[1]).content.decode()


def test_most_references_were_tried() -> None:
    street = factories.StreetFactory()
    made = [f"{model.__name__}.{field.name}" for model, field in POINTERS if own_values(model, street, field.name)]
    assert len(made) >= len(POINTERS) / 2, made


def test_a_form_keeps_what_its_user_may_not_see() -> None:
    """The page shows nothing there; saving it takes nothing away, and names nothing."""
    street = factories.StreetFactory()
    user = factories.AppointmentFactory(role="curator", street=street, user__is_staff=True).user
    far = factories.AllianceFactory(state="draft", name=SECRET, slug="a-secret-key")
    unit = factories.MemberUnitFactory(street=street)
    membership = factories.MembershipFactory(alliance=far, unit=unit, state="draft", slug="an-open-key")
    hidden, seen = factories.ProjectFactory(state="draft", name=SECRET), factories.ProjectFactory()
    event = factories.EventFactory(street=street, state="draft")
    event.projects.set([hidden, seen])
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    for record, values in ((membership, {"as_written": "changed"}), (event, {"summary": "changed"})):
        page = client.get(change_address(record))
        form = filled_in(page)
        form |= {"alliance": ""} if record is membership else {"projects": [seen.pk]}
        answer = client.post(change_address(record), {**form, **values})
        assert answer.status_code == 302, errors(answer)
    membership.refresh_from_db()
    assert (membership.alliance, membership.as_written) == (far, "changed")
    assert {*event.projects.all()} == {hidden, seen}
    form = {**filled_in(client.get(change_address(event))), "projects": []}
    assert client.post(change_address(event), form).status_code == 302
    assert {*event.projects.all()} == {hidden}


def test_a_hidden_slug_is_a_slug_that_is_taken() -> None:
    """PUT at the key of a draft that one does not see says what POST says of any slug that is taken."""
    street = factories.StreetFactory()
    client = Client(headers={"accept-language": "en"})
    client.force_login(factories.AppointmentFactory(role="curator", street=street).user)
    body = {"name": "X", "kind": "company", "street": street.code, "change_reason": "x"}
    factories.MemberUnitFactory(state="draft", slug="a-secret-key", name=SECRET)
    factories.MemberUnitFactory(slug="an-open-key")

    def sent(method: str, path: str, content: dict[str, Any]) -> tuple[int, Any]:
        answer = client.generic(method, f"/api/v1/{path}", json.dumps(content), content_type="application/json")
        return answer.status_code, answer.json()["errors"]

    taken = sent("POST", "member-units", {**body, "slug": "an-open-key"})
    assert taken[0] == 409
    assert sent("POST", "member-units", {**body, "slug": "a-secret-key"}) == taken
    assert sent("PUT", "member-units/a-secret-key", body) == taken
