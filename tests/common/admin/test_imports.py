"""Importing a file in the admin: shown first, done as it was shown, and by those who may."""

import io
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from apps.accounts.authentication import user_again
from apps.common.models.logged_change import LoggedChange
from apps.common.models.records import Citable
from apps.common.models.tables import KeptFile
from apps.common.resources.import_runner import run_waiting
from apps.common.resources.registry import viewsets
from apps.registry.models import MemberUnit
from tests.factories import AppointmentFactory, MemberUnitFactory, StreetFactory, UserFactory
from tests.full import share

PAGE = "/admin/registry/memberunit/import/"
MODELS = [
    view.queryset.model
    for view in viewsets().values()
    # Merges are made by a verb of their own.
    if admin.site.is_registered(view.queryset.model) and "post" in view.http_method_names
]


def client_of(user: Any) -> Client:
    client = Client(SERVER_NAME="localhost", headers={"accept-language": "en"})
    client.force_login(user)
    return client


@pytest.fixture
def steward(db: None) -> Client:
    return client_of(UserFactory(is_staff=True, is_superuser=True))


def show(client: Client, content: str | bytes, name: str = "units.csv", page: str = PAGE) -> Any:
    """Return the page that shows what a file would do."""
    data = content.encode() if isinstance(content, str) else content
    response = client.post(page, {"file": SimpleUploadedFile(name, data)})
    assert response.status_code == 200
    return response


def confirm(client: Client, shown: Any, reason: str = "测试", page: str = PAGE) -> Any:
    """Return the answer to the form of a preview."""
    return client.post(page, {"digest": shown.context["outcome"].digest, "reason": reason})


def told(response: Any) -> list[str]:
    """Return the messages of a page, or of the one to which an answer leads."""
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("model", share(0, MODELS, 2), ids=lambda model: model.resource)
def test_every_list_leads_to_its_import(steward: Client, model: type[Citable]) -> None:
    meta = model._meta
    page = reverse(f"admin:{meta.app_label}_{meta.model_name}_import")
    assert (
        f'href="{page}"'
        in steward.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")).content.decode()
    )
    assert steward.get(page).status_code == 200


def test_what_is_shown_is_not_written_until_it_is_confirmed_with_a_reason(steward: Client) -> None:
    street, unit = StreetFactory(), MemberUnitFactory(summary="旧", state="draft")
    rows = [f"{unit.slug},{unit.name},company,{street.code},新,x", ",测试进,company,,,x"]
    content = "\n".join(["slug,name,kind,street,summary,name_pinyin", *rows])
    shown = show(steward, content)
    outcome = shown.context["outcome"]
    assert (outcome.created, outcome.changed, outcome.unchanged, outcome.ignored) == (1, 1, 0, ("name_pinyin",))
    made, changed = outcome.shown
    assert (made.is_new, changed.key) == (True, unit.slug)
    assert {(str(each.label), each.before, each.after) for each in changed.values} == {
        ("street", str(unit.street or ""), str(street)),
        ("summary", "旧", "新"),
    }
    unit.refresh_from_db()
    assert (unit.summary, MemberUnit.objects.filter(name="测试进").count()) == ("旧", 0)

    unreasoned = confirm(steward, shown, reason=" ")
    assert unreasoned.context["confirm_form"].errors.keys() == {"reason"}
    assert unreasoned.context["outcome"].digest == outcome.digest
    done = confirm(steward, shown)
    assert done.headers["Location"] == "/admin/registry/memberunit/"
    unit.refresh_from_db()
    assert (unit.summary, unit.street) == ("新", street)
    assert MemberUnit.objects.get(name="测试进").state == "draft"
    logged = LoggedChange.objects.filter(table_name="registry_memberunit").latest("number")
    assert (logged.reason, logged.user_id) == ("测试", int(steward.session["_auth_user_id"]))
    assert not KeptFile.objects.exists()
    assert told(steward.get("/admin/registry/memberunit/")) == ["Imported: 1 new, 1 changed, 0 as they were."]
    # The form cannot be sent twice.
    assert told(steward.get(confirm(steward, shown).headers["Location"])) == [
        "The file is no longer there; choose it again."
    ]


def test_a_spreadsheet_is_read_too_and_one_that_says_nothing_new_has_nothing_to_confirm(steward: Client) -> None:
    unit = MemberUnitFactory(summary="旧")
    book = openpyxl.Workbook()
    book.active.append(["slug", "summary"])
    book.active.append([unit.slug, "旧"])
    file = io.BytesIO()
    book.save(file)
    shown = show(steward, file.getvalue(), "单位.XLSX")
    assert (shown.context["outcome"].unchanged, shown.context["outcome"].has_changes) == (1, False)
    assert b'name="digest"' not in shown.content
    assert not KeptFile.objects.exists()


def test_errors_are_told_by_row_and_column_in_the_readers_language(steward: Client) -> None:
    content = "slug,name,kind\n,测试进,compani\n,,company\n"
    found = show(steward, content).context["outcome"].wrong
    assert [(each.row, each.record, each.column) for each in found] == [(2, "测试进", "kind"), (3, "company", "name")]
    assert "Did you mean “company”?" in found[0].detail
    steward.cookies["django_language"] = "zh-hans"
    chinese = client_of(UserFactory(is_staff=True, is_superuser=True))
    chinese.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-Hans"
    assert "company" in show(chinese, content).content.decode()
    assert show(chinese, content).context["outcome"].wrong[0].detail != found[0].detail
    assert not KeptFile.objects.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("units.txt", b"slug\nx\n"),
        ("units.csv", b""),
        ("units.csv", b"slug,nam\nx,y\n"),
        ("units.csv", b"slug\n\xff\n"),
        ("units.xlsx", b"PK\x03\x04nonsense"),
        ("units.csv", b'slug\n"open\n'),
        ("units.csv", b"slug,name,kind\n\0,x,company\n"),
    ],
)
def test_what_cannot_be_read_is_refused_on_the_page(steward: Client, name: str, content: bytes) -> None:
    response = show(steward, content, name)
    assert response.context["file_form"].errors or response.context["outcome"].wrong


def test_a_file_that_is_too_large_is_refused(steward: Client) -> None:
    with override_settings(MAX_FILE_BYTES=10):
        assert show(steward, "slug,name\nx,y\n").context["file_form"].errors.keys() == {"file"}


def test_where_the_registry_has_changed_since_the_preview_nothing_is_written(steward: Client) -> None:
    unit = MemberUnitFactory(summary="旧")
    shown = show(steward, f"slug,summary\n{unit.slug},新\n")
    MemberUnit.objects.filter(pk=unit.pk).update(summary="别人的")
    again = confirm(steward, shown)
    assert [each.before for each in again.context["outcome"].shown[0].values] == ["别人的"]
    assert "the registry has changed" in told(again)[0]
    unit.refresh_from_db()
    assert unit.summary == "别人的"
    assert again.context["confirm_form"].initial["reason"] == "测试"
    assert confirm(steward, again).status_code == 302
    unit.refresh_from_db()
    assert unit.summary == "新"


def test_a_file_belongs_to_who_sent_it_for_one_list_and_an_hour(steward: Client) -> None:
    shown = show(steward, "name,kind\n测试进,company\n")
    other = client_of(UserFactory(is_staff=True, is_superuser=True))
    assert confirm(other, shown).status_code == 302
    assert confirm(steward, shown, page="/admin/registry/venue/import/").status_code == 302
    KeptFile.objects.update(made_at=timezone.now() - timedelta(minutes=61))
    assert confirm(steward, shown).status_code == 302
    assert not MemberUnit.objects.filter(name="测试进").exists()


def test_only_those_import_who_may_write_and_only_what_lies_in_their_territory(db: None) -> None:
    own, foreign = StreetFactory(), StreetFactory()
    curator = AppointmentFactory(role="curator", street=own, user=UserFactory(is_staff=True)).user
    client = client_of(curator)
    content = "name,kind,street\n甲,company,%s\n"
    wrong = show(client, content % foreign.code).context["outcome"].wrong
    assert [(each.row, each.column) for each in wrong] == [(2, "")] or [each.column for each in wrong] == ["street"]
    assert confirm(client, show(client, content % own.code)).status_code == 302
    assert MemberUnit.objects.get(name="甲").street == own

    reader = client_of(UserFactory(is_staff=True))
    assert reader.get(PAGE).status_code == 403
    assert reader.post(PAGE, {"digest": "x", "reason": "x"}).status_code == 403
    assert Client(SERVER_NAME="localhost").get(PAGE).status_code == 302


# A paper for all rows -------------------------------------------------------------------------------------------------


def test_a_roster_is_given_once_beside_the_file(db: None) -> None:
    street = StreetFactory()
    client = client_of(AppointmentFactory(role="curator", street=street, user=UserFactory(is_staff=True)).user)
    content = (
        f"name,kind,street,state\n名册甲,company,{street.code},published\n名册乙,company,{street.code},published\n"
    )
    paper = {"party": f"streets/{street.code}", "kind": "roster", "title": "驻区单位名册", "stated_on": "2026-05"}
    fields = {f"attestation.{name}": value for name, value in paper.items()}

    def sent(**values: str) -> Any:
        file = SimpleUploadedFile("名册.csv", content.encode())
        return client.post(PAGE, {"file": file, **fields, **{f"attestation.{name}": v for name, v in values.items()}})

    page = client.get(PAGE).content.decode()
    assert 'name="attestation.party"' in page
    assert 'value="roster"' in page
    assert 'value="act"' not in page
    for wrong in ("party", "kind", "title"):
        assert [*sent(**{wrong: ""}).context["paper_form"].errors] == [f"attestation.{wrong}"]
    assert [*sent(party="streets/0").context["paper_form"].errors] == ["attestation.party"]
    assert [*sent(kind="act").context["paper_form"].errors] == ["attestation.kind"]
    assert not KeptFile.objects.exists()

    foreign = sent(party=f"streets/{StreetFactory().code}").context["outcome"]
    assert [(each.row, each.record, each.column) for each in foreign.wrong] == [
        (2, "名册甲", "attestation.supports"),
        (3, "名册乙", "attestation.supports"),
    ]
    shown = sent()
    assert shown.context["outcome"].attestations == 2
    assert "Attestations: 2." in shown.content.decode()
    assert not MemberUnit.objects.filter(name__startswith="名册").exists()
    assert confirm(client, shown).status_code == 302
    for unit in MemberUnit.objects.filter(name__startswith="名册"):
        assert (unit.state, unit.attestations.get().party) == ("published", street)
    assert MemberUnit.objects.filter(name__startswith="名册").count() == 2

    # A long file keeps its paper from the preview to the end.
    content = content.replace("名册", "长册")
    with override_settings(IMPORT_ROWS_AT_ONCE=1):
        watched = sent().headers["Location"]
        run_waiting(user_again)
        outcome = client.get(watched).context["outcome"]
        assert outcome.attestations == 2
        confirmed = client.post(PAGE, {"digest": outcome.digest, "reason": "测试"}).headers["Location"]
        run_waiting(user_again)
        assert client.get(confirmed).status_code == 302
    assert MemberUnit.objects.filter(name__startswith="长册", state="published").count() == 2
