"""Two browsers on one record: nothing that either of them saves is lost, on any page of the admin."""

from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.utils import translation

from apps.accounts.models import User
from apps.common.conflicts.forms import CHANGED, UNKNOWN, SeenField
from apps.common.conflicts.pages import KeepsChanges, KeepsRows
from apps.common.conflicts.seen import SEEN, dumped
from apps.common.models.records import Fact
from apps.events.models import Event
from apps.evidence.models import Attestation, Citation
from apps.identity.models import Distinction
from apps.registry.models import Alliance, Membership, MemberUnit, UnitName
from tests import factories
from tests.common.admin.test_records import address, change_address, errors, filled_in
from tests.full import share
from tests.pages import carried
from tests.rows import FACTORIES, make
from tests.saying import say
from tests.writing import Keeper

pytestmark = pytest.mark.django_db

# Fields that any text or number may be written into, in the order in which a test takes them.
CHANGEABLE = (
    "summary",
    "note",
    "slogan",
    "publisher",
    "first_name",
    "last_name",
    "name",
    "as_written",
    "contribution",
    "value",
    "version",
    "opening_hours",
    "position",
    "places",
    "end",
    "reason",
    "established_on_wording",
    "abolished_on_wording",
    "title",
    "reference",
)


def browser(name: str, language: str = "en") -> Client:
    """A client of a superuser of that name."""
    client = Client(headers={"accept-language": language})
    client.force_login(factories.UserFactory(username=name, is_staff=True, is_superuser=True))
    return client


def row_of(model: type[Model]) -> Any:
    """Return a row of any model that has pages, if the pages change it. A draft: that asks for no evidence."""
    if model in (Attestation, Citation):
        unit = make(MemberUnit, state="draft")
        return make(model, record=unit, supports=["name"], **({"unit": unit} if model is Attestation else {}))
    if model in FACTORIES:
        return make(model, state="draft") if issubclass(model, Fact) else make(model)
    if model is Distinction:
        kind = ContentType.objects.get_for_model(MemberUnit)
        return Distinction.objects.create(content_type=kind, first_id=1, second_id=2, reason="other")
    return None


def changeable(page: Any) -> list[str]:
    """Return the fields of a form that a test changes."""
    fields = page.context["adminform"].form.fields
    return [name for name in CHANGEABLE if name in fields and not fields[name].disabled]


def other_value(page: Any, name: str, step: int = 1) -> str:
    """Return a value that a field of a form does not have."""
    form = page.context["adminform"].form
    value = form[name].value()
    number = isinstance(form.fields[name], forms.IntegerField | forms.DecimalField)
    return str((value or 0) + step) if number else f"{value or ''}{step}"


def stored(record: Any, name: str) -> str:
    """Return a value as it is stored."""
    return str(getattr(type(record)._base_manager.get(pk=record.pk), name))


MODELS = sorted(admin.site._registry, key=lambda model: model.__name__)


@pytest.mark.parametrize("model", share(1, MODELS, 2), ids=lambda model: model.__name__)
def test_two_browsers_on_one_record_lose_nothing(model: type[Model]) -> None:
    """Cases, row 9: B's older form changes another field than A did; A's value stays, and B's is saved after a look."""
    page = admin.site._registry[model]
    assert isinstance(page, KeepsChanges)
    assert not page.list_editable
    one, two = browser("aa"), browser("bb")
    record = row_of(model)
    if record is None or (opened := two.get(change_address(record))).context["adminform"].form.fields.keys() <= {SEEN}:
        assert not page.has_change_permission(opened.wsgi_request, record) if record else model not in FACTORIES
        return
    mine, *others = changeable(opened)
    theirs = others[0] if others else mine
    theirs_before = one.get(change_address(record))
    wanted = other_value(theirs_before, theirs)
    saved = one.post(change_address(record), {**filled_in(theirs_before), theirs: wanted})
    assert saved.status_code == 302, errors(saved)
    typed = other_value(opened, mine, 2)

    refused = two.post(change_address(record), {**filled_in(opened), mine: typed})

    found = errors(refused)
    assert str(CHANGED) in found["__all__"]
    assert "aa" in found[theirs][0]  # by whom
    assert stored(record, theirs) == wanted
    shown = refused.context["adminform"].form
    assert str(shown[mine].value()) == typed
    if mine != theirs:
        assert str(shown[theirs].value()) == wanted
        assert stored(record, mine) != typed
    assert two.post(change_address(record), filled_in(refused)).status_code == 302
    assert stored(record, mine) == typed
    if mine != theirs:
        assert stored(record, theirs) == wanted


@pytest.mark.parametrize("model", share(0, MODELS, 4), ids=lambda model: model.__name__)
def test_what_was_typed_for_a_record_that_was_deleted_meanwhile_stands_on_the_page_of_a_new_one(
    model: type[Model],
) -> None:
    one, two = browser("aa"), browser("bb")
    record = row_of(model)
    page = admin.site._registry[model]
    if record is None or not changeable(opened := two.get(change_address(record))):
        return
    if not page.has_add_permission(opened.wsgi_request) or not page.has_delete_permission(opened.wsgi_request, record):
        return
    (name, *_others), key = changeable(opened), record.pk
    typed = other_value(opened, name, 2)
    question = one.post(
        address(model, "delete", key), {"post": "yes", **carried(one.get(address(model, "delete", key)).content)}
    )
    if model._base_manager.filter(pk=key).exists():
        assert question.status_code != 302 or model not in FACTORIES  # it is protected
        return

    refused = two.post(change_address(record), {**filled_in(opened), name: typed})

    assert refused.status_code == 200
    assert "aa" in errors(refused)["__all__"][0]
    assert refused.context["original"] is None
    if model is not User:  # an account is begun with its name and password alone
        assert str(refused.context["adminform"].form[name].value()) == typed
    assert not model._base_manager.filter(pk=key).exists()


def test_what_stands_on_the_page_of_a_new_record_is_saved_by_a_second_look() -> None:
    one, two = browser("aa"), browser("bb")
    alliance = factories.AllianceFactory()
    page = change_address(alliance)
    opened = two.get(page)
    alliance.delete()
    refused = two.post(page, {**filled_in(opened), "slogan": "共联共享"})
    assert 'action="/admin/registry/alliance/add/"' in refused.content.decode()
    saved = two.post(address(Alliance, "add"), filled_in(refused))
    assert saved.status_code == 302, errors(saved)
    assert Alliance.objects.get(slogan="共联共享").name == alliance.name
    # Who says of a page what it never showed is told as ever that there is nothing.
    assert one.post(page, {"slogan": "x"})["Location"] == "/admin/"


def test_where_both_changed_one_field_both_values_are_shown() -> None:
    unit = factories.MemberUnitFactory(summary="first")
    one, two = browser("aa"), browser("bb")
    opened = two.get(change_address(unit))
    one.post(change_address(unit), {**filled_in(one.get(change_address(unit))), "summary": "of one"})
    refused = two.post(change_address(unit), {**filled_in(opened), "summary": "of two"})
    [text] = errors(refused)["summary"]
    assert "aa" in text
    assert "“first” became “of one”" in text
    assert refused.context["adminform"].form["summary"].value() == "of two"
    assert stored(unit, "summary") == "of one"
    page = refused.content.decode()
    assert "of one" in page
    assert "of two" in page


def test_it_is_said_in_the_language_of_the_reader() -> None:
    unit = factories.MemberUnitFactory(summary="first")
    two = browser("bb", "zh-hans")
    opened = two.get(change_address(unit))
    MemberUnit.objects.filter(pk=unit.pk).update(summary="second")
    found = errors(two.post(change_address(unit), {**filled_in(opened), "name": "另一个名字"}))
    with translation.override("zh-hans"):
        assert str(CHANGED) in found["__all__"]
    assert all("meanwhile" not in text for texts in found.values() for text in texts)


def test_a_form_that_was_left_open_while_the_api_changed_the_record() -> None:
    event, project = factories.EventFactory(state="draft"), factories.ProjectFactory()
    client = browser("bb")
    opened = client.get(change_address(event))
    Keeper(factories.UserFactory(username="cc", is_superuser=True)).write(
        "PATCH", f"events/{event.slug}", {"projects": [project.slug], "summary": "by the API"}
    )
    refused = client.post(change_address(event), {**filled_in(opened), "slogan": "typed"})
    found = errors(refused)
    assert "cc" in found["projects"][0]
    assert client.post(change_address(event), filled_in(refused)).status_code == 302
    event = Event.objects.get(pk=event.pk)
    assert (event.slogan, event.summary, [*event.projects.all()]) == ("typed", "by the API", [project])


def test_a_form_in_which_nothing_was_typed_takes_what_others_saved() -> None:
    unit = factories.MemberUnitFactory(summary="first")
    client = browser("bb")
    opened = client.get(change_address(unit))
    MemberUnit.objects.filter(pk=unit.pk).update(summary="second")
    assert client.post(change_address(unit), filled_in(opened)).status_code == 302
    assert stored(unit, "summary") == "second"


def test_what_is_not_on_the_form_is_told_above_it() -> None:
    unit = factories.MemberUnitFactory(state="draft")
    client = browser("bb")
    opened = client.get(change_address(unit))
    MemberUnit.objects.filter(pk=unit.pk).update(state="published")
    found = errors(client.post(change_address(unit), {**filled_in(opened), "summary": "typed"}))
    assert any("“Draft” became “Published”" in text for text in found["__all__"])


def test_a_form_that_does_not_say_what_it_showed_saves_nothing() -> None:
    unit = factories.MemberUnitFactory(summary="first")
    client = browser("bb")
    given = {**filled_in(client.get(change_address(unit))), "summary": "typed"}
    del given[SEEN]
    refused = client.post(change_address(unit), given)
    assert errors(refused)["__all__"] == [str(UNKNOWN)]
    assert stored(unit, "summary") == "first"
    foreign = dumped(UnitName, {unit.pk: {"summary": 1}})
    for wrong in ("x", "", "null", "\0", filled_in(refused)[SEEN] + "x", foreign):
        assert client.post(change_address(unit), {**given, SEEN: wrong}).status_code == 200
    assert client.post(change_address(unit), filled_in(refused)).status_code == 302
    assert stored(unit, "summary") == "typed"


# Rows -----------------------------------------------------------------------------------------------------------------


def test_every_row_that_can_be_changed_says_what_it_showed() -> None:
    client = browser("bb")
    for model in MODELS:
        if (record := row_of(model)) is None:
            continue
        page = client.get(change_address(record))
        for inline in page.context["inline_admin_formsets"]:
            if inline.has_change_permission:
                assert isinstance(inline.opts, KeepsRows), inline.opts
                assert isinstance(inline.formset.management_form.fields[SEEN], SeenField)


def test_rows_that_others_changed_meanwhile() -> None:
    """A changes a row, B another field of the same row, and a second row that nobody else touched."""
    unit = factories.MemberUnitFactory()
    first, second = (factories.UnitNameFactory(unit=unit, name=name, state="draft") for name in ("甲", "乙"))
    one, two = browser("aa"), browser("bb")
    opened = two.get(change_address(unit))
    given = filled_in(one.get(change_address(unit)))
    assert one.post(change_address(unit), {**given, "names-0-valid_from": "2001"}).status_code == 302
    changed = {"names-0-name": "丙", "names-1-name": "丁"}
    refused = two.post(change_address(unit), {**filled_in(opened), **changed})
    found = errors(refused)
    assert "aa" in found["names-0-valid_from"][0]
    assert not any(name.startswith("names-1") for name in found)
    assert two.post(change_address(unit), filled_in(refused)).status_code == 302
    names = [(row.name, row.valid_from) for row in UnitName.objects.filter(pk__in=[first.pk, second.pk]).order_by("pk")]
    assert names == [("丙", "2001"), ("丁", "")]


def test_a_row_that_was_left_alone_takes_what_others_saved() -> None:
    unit = factories.MemberUnitFactory()
    row = factories.UnitNameFactory(unit=unit, name="甲", state="draft")
    client = browser("bb")
    opened = client.get(change_address(unit))
    UnitName.objects.filter(pk=row.pk).update(name="乙")
    assert client.post(change_address(unit), {**filled_in(opened), "summary": "typed"}).status_code == 302
    assert (stored(row, "name"), stored(unit, "summary")) == ("乙", "typed")


def test_a_row_that_changed_meanwhile_is_not_deleted_unseen() -> None:
    unit = factories.MemberUnitFactory()
    row = factories.UnitNameFactory(unit=unit, name="甲", state="draft")
    client = browser("bb")
    opened = client.get(change_address(unit))
    UnitName.objects.filter(pk=row.pk).update(name="乙")
    refused = client.post(change_address(unit), {**filled_in(opened), "names-0-DELETE": "on"})
    assert "乙" in errors(refused)["names-0-name"][0]
    assert stored(row, "name") == "乙"
    assert client.post(change_address(unit), {**filled_in(refused), "names-0-DELETE": "on"}).status_code == 302
    assert not UnitName.objects.filter(pk=row.pk).exists()


def test_rows_that_were_deleted_or_added_meanwhile() -> None:
    """What was typed into a row that is gone becomes a new row; one that was left alone goes; a new one stays."""
    unit = factories.MemberUnitFactory()
    rows = [factories.UnitNameFactory(unit=unit, name=name, state="draft") for name in ("甲", "乙", "丙")]
    client = browser("bb")
    opened = client.get(change_address(unit))
    rows[0].delete()
    rows[1].delete()
    factories.UnitNameFactory(unit=unit, name="丁")
    refused = client.post(change_address(unit), {**filled_in(opened), "names-0-name": "甲甲", "names-2-name": "丙丙"})
    [text] = errors(refused)["names"]
    assert "deleted" in text
    assert client.post(change_address(unit), filled_in(refused)).status_code == 302
    assert sorted(unit.names.values_list("name", flat=True)) == sorted(["甲甲", "丙丙", "丁"])


# Lists and deletions --------------------------------------------------------------------------------------------------


def listed(client: Client, model: type[Model], *records: Any, **more: str) -> dict[str, Any]:
    """Return what a browser posts of a list with some of its rows chosen."""
    page = client.get(address(model, "changelist"), {"o": "", **more})
    return {SEEN: page.context[SEEN], "_selected_action": [record.pk for record in records], "index": "0"}


def test_no_action_is_done_with_a_row_that_changed_since_the_list_was_shown() -> None:
    draft = factories.AllianceFactory(state="draft", name="列表里的联盟", cited=False)
    client = browser("bb")
    given = listed(client, type(draft), draft, q="列表里的联盟")
    type(draft).objects.filter(pk=draft.pk).update(summary="changed")
    say(draft)
    where = address(type(draft), "changelist") + "?q=列表里的联盟"
    for action in ("publish_selected", "delete_selected"):
        answer = client.post(where, {**given, "action": action}, follow=True)
        assert "列表里的联盟" in str(next(iter(answer.context["messages"])))
    assert stored(draft, "state") == "draft"
    again = listed(client, type(draft), draft, q="列表里的联盟")
    answer = client.post(where, {**again, "action": "publish_selected"}, follow=True)
    assert stored(draft, "state") == "published", [str(each) for each in answer.context["messages"]]
    assert stored(draft, "state") == "published"


def test_a_list_that_does_not_say_what_it_showed_does_nothing() -> None:
    draft = factories.AllianceFactory(state="draft")
    client = browser("bb")
    given = {"action": "publish_selected", "_selected_action": draft.pk}
    client.post(address(type(draft), "changelist"), given)
    assert stored(draft, "state") == "draft"


def test_rows_on_other_pages_of_a_list_are_known_by_the_time() -> None:
    names = [f"成百上千的联盟{number}" for number in range(60)]
    drafts = [factories.AllianceFactory(state="draft", name=name, cited=False) for name in names]
    for draft in drafts:
        say(draft)
    client = browser("bb")
    where = address(type(drafts[0]), "changelist") + "?q=成百上千的联盟"
    whole = {"action": "publish_selected", "select_across": "1"}
    given = listed(client, type(drafts[0]), drafts[0], q="成百上千的联盟")
    last = type(drafts[0]).objects.order_by("-name_pinyin").filter(name__startswith="成百上千的联盟").first()
    last.summary = "changed"
    last.save()
    say(last)
    client.post(where, {**given, **whole})
    assert {stored(draft, "state") for draft in drafts} == {"draft"}
    client.post(where, {**listed(client, type(drafts[0]), drafts[0], q="成百上千的联盟"), **whole})
    assert {stored(draft, "state") for draft in drafts} == {"published"}


@pytest.mark.parametrize("by_list", [True, False])
def test_a_record_that_changed_behind_the_confirmation_is_not_deleted(by_list: bool) -> None:
    membership = factories.MembershipFactory(state="draft")
    client = browser("bb")
    if by_list:
        where, given = address(Membership, "changelist"), listed(client, Membership, membership, q=membership.unit.name)
        page = client.post(where, {**given, "action": "delete_selected"})
        given = {**given, "action": "delete_selected", "post": "yes", **carried(page.content)}
        del given["index"]
    else:
        where = address(Membership, "delete", membership.pk)
        given = {"post": "yes", **carried(client.get(where).content)}
    Membership.objects.filter(pk=membership.pk).update(as_written="changed")
    client.post(where, given)
    assert stored(membership, "as_written") == "changed"
    Membership.objects.filter(pk=membership.pk).update(as_written=membership.as_written)
    if not by_list:
        given |= carried(client.get(where).content)
        client.post(where, given)
        assert not Membership.objects.filter(pk=membership.pk).exists()
