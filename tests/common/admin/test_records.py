"""The curators' pages: what every one of them does, by loops over the models, and what single ones do."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from factory.django import DjangoModelFactory

from apps.accounts.models import Appointment, Token, User
from apps.common.admin.forms import RecordSelect, RecordSelectMultiple
from apps.common.models.records import citable_models
from apps.identity.models import Merge
from apps.registry.models import Alliance, Membership, MemberUnit, Street
from tests import factories
from tests.factories import (
    AllianceFactory,
    CitationFactory,
    MembershipFactory,
    MemberUnitFactory,
    UnitNameFactory,
    UserFactory,
)
from tests.full import share

pytestmark = pytest.mark.django_db

FACTORIES: dict[type[Model], Any] = {
    factory._meta.model: factory
    for factory in vars(factories).values()
    if isinstance(factory, type) and issubclass(factory, DjangoModelFactory) and not factory._meta.abstract
}
# The pages of the others have tests of their own: two are no records, and merges are made by a verb.
MODELS = [model for model in admin.site._registry if model in FACTORIES and model not in (Appointment, Merge, Token)]
LANGUAGES = ["zh-hans", "en"]
# What finds the rows that the factories make.
MADE = {User: "user", Group: "测试"}

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)


def every_fourth_model(number: int) -> pytest.MarkDecorator:
    """Run a test for each model; the usual run does for every fourth one, other tests for those between."""
    return pytest.mark.parametrize("model", share(number, MODELS, 4), ids=lambda model: model.__name__)


every_language = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture
def curator() -> Client:
    """A client of a superuser, that gets a 500 as an answer instead of an exception."""
    client = Client(raise_request_exception=False, headers={"accept-language": "zh-hans"})
    user: User = UserFactory(username="curator", is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


def address(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def change_address(record: Model) -> str:
    return address(type(record), "change", record.pk)


def filled_in(response: Any) -> dict[str, Any]:
    """Return what a browser would post of a form as it is shown, with all its rows."""
    formsets = [inline.formset for inline in response.context["inline_admin_formsets"]]
    forms = [response.context["adminform"].form]
    for formset in formsets:
        forms += [formset.management_form, *formset.forms]
    values = {field.html_name: field.value() for form in forms for field in form}
    return {
        name: ",".join(value) if name.endswith("supports") and isinstance(value, list) else value
        for name, value in values.items()
        if value is not None and value is not False
    }


def errors(response: Any) -> dict[str, list[str]]:
    """Return the errors of a form and of its rows, by field."""
    assert response.status_code == 200, response.content[:500]
    formsets = [inline.formset for inline in response.context["inline_admin_formsets"]]
    found = dict(response.context["adminform"].form.errors)
    for formset in formsets:
        found |= {f"{form.prefix}-{name}": list(texts) for form in formset.forms for name, texts in form.errors.items()}
        if formset.non_form_errors():
            found[formset.prefix] = list(formset.non_form_errors())
    return found


def queries(client: Client, path: str) -> int:
    client.get(path)  # content types and the like are looked up once in a process
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path)
    assert response.status_code == 200, path
    return len(captured)


# Every model ----------------------------------------------------------------------------------------------------------


def test_every_kind_of_record_has_its_pages_and_its_factory() -> None:
    assert {*citable_models().values(), User, Group} - {Merge} == set(MODELS)


@every_language
@every_model
def test_pages_open(curator: Client, model: type[Model], language: str) -> None:
    record = FACTORIES[model]()
    paths = [
        address(model, "changelist"),
        address(model, "changelist") + "?q=五",
        address(model, "changelist") + "?q=wujiaochang",
        address(model, "add"),
        change_address(record),
    ]
    if not getattr(record, "code", ""):  # divisions with a code are not for curators to delete
        paths.append(address(model, "delete", record.pk))
    for path in share(MODELS.index(model) + LANGUAGES.index(language), paths, 3):
        assert curator.get(path, headers={"accept-language": language}).status_code == 200, path


@every_fourth_model(0)
def test_a_list_costs_the_same_for_one_row_and_for_five(curator: Client, model: type[Model]) -> None:
    path = f"{address(model, 'changelist')}?q={MADE.get(model, '测试')}"
    FACTORIES[model]()
    one = queries(curator, path)
    FACTORIES[model].create_batch(4)
    assert queries(curator, path) == one


@every_fourth_model(1)
def test_search_finds_by_name_and_pinyin(curator: Client, model: type[Model]) -> None:
    record = FACTORIES[model]()
    terms = ["user"] if model is User else ["测试", "测"] if model is Group else ["测试", "ceshi", "cs"]
    for term in terms:
        response: Any = curator.get(address(model, "changelist"), {"q": term})
        assert record in list(response.context["cl"].queryset), term


@every_model
def test_every_reference_to_a_record_is_a_search_field(model: type[Model]) -> None:
    request = RequestFactory().get("/")
    request.user = UserFactory(is_superuser=True, is_staff=True)
    page = admin.site.get_model_admin(model)
    bases = [(model, page.get_form(request).base_fields)]
    for formset, inline in page.get_formsets_with_inlines(request):
        bases.append((inline.model, formset.form.base_fields))
    for owner, fields in bases:
        for relation in [*owner._meta.concrete_fields, *owner._meta.many_to_many]:
            if relation.is_relation and relation.name in fields and admin.site.is_registered(relation.related_model):
                wrapper = fields[relation.name].widget
                assert isinstance(wrapper, RelatedFieldWidgetWrapper), relation
                assert isinstance(wrapper.widget, RecordSelect | RecordSelectMultiple), relation


@every_fourth_model(0)
def test_an_empty_form_is_refused_field_by_field(curator: Client, model: type[Model]) -> None:
    page = curator.get(address(model, "add"))
    prefixes = {name: value for name, value in filled_in(page).items() if "-" in name}
    response = curator.post(address(model, "add"), prefixes)
    assert errors(response)


@every_fourth_model(1)
def test_a_form_full_of_rubbish_is_refused(curator: Client, model: type[Model]) -> None:
    page: Any = curator.get(address(model, "add"))
    values = {name: value for name, value in filled_in(page).items() if "-" in name}
    for rubbish in share(MODELS.index(model) // 4, ["abc", "\0", "9" * 40, "！"], 4):
        rows = {}
        for inline in page.context["inline_admin_formsets"]:
            prefix = inline.formset.prefix
            rows[f"{prefix}-TOTAL_FORMS"] = "1"
            rows |= {f"{prefix}-0-{name}": rubbish for name in inline.formset.empty_form.fields}
        form = dict.fromkeys(page.context["adminform"].form.fields, rubbish)
        response = curator.post(address(model, "add"), {**values, **form, **rows})
        assert errors(response), rubbish


@every_fourth_model(0)
def test_nothing_in_an_address_breaks_a_page(curator: Client, model: type[Model]) -> None:
    record = FACTORIES[model]()
    lists, add, change = address(model, "changelist"), address(model, "add"), change_address(record)
    names = [field.name for field in [*model._meta.concrete_fields, *model._meta.many_to_many]]
    prefilled = "&".join(f"{name}=abc" for name in names)
    paths = [
        f"{lists}?{names[1]}__regex=(",
        f"{lists}?e=1",
        f"{lists}?q=%00",
        f"{lists}?q=-",
        f"{lists}?q=%25_%5C'",
        f"{lists}?q={'五' * 500}",
        f"{lists}?p=99999999999999999999",
        f"{lists}?p=abc&o=abc.-99.1&all=",
        f"{lists}?kind__exact=nope&status__exact=nope",
        f"{lists}?state=nope&validity=nope&in=nope&evidence=nope",
        f"{lists}?unknown=1",
        f"{lists}?_to_field=nope",
        f"{lists}?_popup=1",
        f"{lists}?_facets=True",
        f"{add}?{prefilled}",
        f"{add}?{prefilled.replace('=abc', '=' + '9' * 30)}",
        f"{add}?{prefilled.replace('=abc', '=%00')}",
        f"{add}?_to_field=nope&_popup=1",
        f"{add}?citation_article=abc&citation_start=x&citation_supports=y",
        f"{change}?_changelist_filters=%00",
        change.replace(f"/{record.pk}/", "/abc/"),
        change.replace(f"/{record.pk}/", f"/{'9' * 30}/"),
        change.replace(f"/{record.pk}/", "/%00/"),
        change.replace("/change/", "/history/"),
    ]
    for path in share(MODELS.index(model) // 4, paths, 12):
        assert curator.get(path).status_code < 500, path
    for row in ["abc", "9" * 30, "\0"]:
        response = curator.post(lists, {"action": "delete_selected", "_selected_action": row})
        assert response.status_code < 500, row


# Search ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lookup", ["name__regex=(", "summary__contains=a", "memberships__unit__name=a", "street__district__id__exact=1"]
)
def test_a_list_is_narrowed_by_its_filters_only(curator: Client, lookup: str) -> None:
    assert curator.get(f"{address(Alliance, 'changelist')}?{lookup}").status_code == 400


@pytest.mark.parametrize("term", ["测试别名", "ceshibieming", "csbm", "测试 别名"])
def test_a_unit_is_found_by_each_of_its_names(curator: Client, term: str) -> None:
    unit = MemberUnitFactory(name="某某单位")
    UnitNameFactory(unit=unit, name="测试别名")
    membership = MembershipFactory(unit=unit)
    found: Any = curator.get(address(MemberUnit, "changelist"), {"q": term})
    assert list(found.context["cl"].queryset) == [unit]
    found = curator.get(address(Membership, "changelist"), {"q": term})
    assert list(found.context["cl"].queryset) == [membership]


def options(client: Client, model: type[Model], field: str, term: str) -> dict[str, str]:
    names = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field}
    response = client.get(reverse("admin:autocomplete"), {**names, "term": term})
    return {result["id"]: result["text"] for result in response.json()["results"]}


def test_a_search_field_tells_divisions_of_similar_names_apart(curator: Client) -> None:
    town = Street.objects.get(name="五角场镇")
    assert options(curator, Alliance, "street", "wjcz")[str(town.pk)] == "五角场镇 · 杨浦区 (2015, 2017)"
    assert "国定一居委会 · 五角场街道 · 杨浦区" in options(curator, Alliance, "neighbourhood", "国定一居民区").values()


def test_a_search_field_says_of_what_a_record_is_a_part(curator: Client) -> None:
    part = AllianceFactory(name="测试分会", parent=AllianceFactory(name="测试联席会议"))
    assert options(curator, Alliance, "parent", "测试分会") == {str(part.pk): "测试分会 · 测试联席会议"}


def test_a_search_field_costs_the_same_for_one_option_and_for_five(curator: Client) -> None:
    counts = []
    curator.get("/admin/")  # the first request of a session writes when it began
    for number in (1, 4):
        factories.AssessmentFactory.create_batch(number)
        with CaptureQueriesContext(connection) as captured:
            found = options(curator, factories.ScoreFactory._meta.model, "assessment", "测试")
        counts.append(len(captured))
    assert len(found) >= 5
    assert counts[0] == counts[1]


def test_lists_are_narrowed_by_district_evidence_and_validity(curator: Client) -> None:
    by_street = AllianceFactory(street=Street.objects.get(name="五角场街道"))
    bare = AllianceFactory(street=by_street.street, state="draft", cited=False)
    lists = address(Alliance, "changelist")

    def found(query: str) -> set[Any]:
        response: Any = curator.get(f"{lists}?{query}")
        return set(response.context["cl"].queryset)

    assert {by_street, bare} <= found("in=310110")
    assert not {by_street, bare} & found("in=310107")
    assert by_street in found("evidence=cited")
    assert found("evidence=none&state__exact=draft") == {bare}
    streets: Any = curator.get(f"{address(Street, 'changelist')}?validity=former&q=五角场镇")
    assert [street.name for street in streets.context["cl"].queryset] == ["五角场镇"]


# The site -------------------------------------------------------------------------------------------------------------


def test_the_language_is_switched_by_a_form_without_script(curator: Client) -> None:
    path = address(Alliance, "changelist")
    page = curator.get(path).content.decode()
    assert 'action="/i18n/setlang/"' in page
    assert '<html lang="zh-hans"' in page
    response = curator.post("/i18n/setlang/", {"language": "en", "next": path})
    assert (response.status_code, response["Location"]) == (302, path)
    assert '<html lang="en"' in curator.get(path).content.decode()


def test_pages_have_no_inline_style_or_script(curator: Client) -> None:
    citation = CitationFactory()
    pages: list[HttpResponse] = [
        curator.get(path)
        for path in ["/admin/", address(Alliance, "changelist"), change_address(citation.record), "/admin/login/"]
    ]
    pages.append(Client().get("/admin/login/"))
    for page in pages:
        text = page.content.decode()
        assert not re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")|\sstyle=|\son\w+=", text)


def test_apps_and_models_stand_in_the_order_of_the_domain(curator: Client) -> None:
    response: Any = curator.get("/admin/")
    listed = {
        app["app_label"]: [model["object_name"] for model in app["models"]] for app in response.context["app_list"]
    }
    apps = ["registry", "identity", "projects", "events", "evidence", "assessments", "webhooks", "accounts", "auth"]
    assert [name for name in listed if name in apps] == [name for name in apps if name in listed]
    assert set(listed) - set(apps) <= {"axes", "otp_totp"}
    assert listed["registry"][:4] == ["District", "Street", "Neighbourhood", "MemberUnit"]


def test_instants_are_shown_in_the_time_of_the_city(curator: Client) -> None:
    unit = MemberUnitFactory()
    MemberUnit.objects.filter(pk=unit.pk).update(created_at="2023-07-06T20:30:00Z")
    page = curator.get(change_address(unit), headers={"accept-language": "zh-hans"}).content.decode()
    assert "2023年7月7日 04:30" in page


def test_a_draft_says_so_in_its_list(curator: Client) -> None:
    AllianceFactory(name="草稿联盟", state="draft", cited=False)
    assert '<span class="draft">' in curator.get(address(Alliance, "changelist"), {"q": "草稿联盟"}).content.decode()


def test_only_staff_get_in() -> None:
    client = Client()
    client.force_login(UserFactory())
    assert client.get(address(Alliance, "changelist")).status_code == 302
    assert client.get(reverse("admin:autocomplete"), {"term": "五"}).status_code == 302
