"""Texts of one line: what is stripped and refused, in every column that holds one, whatever way it comes (row 16)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.test import Client

from apps.common.models.records import Citable
from apps.common.values.columns import EDTFField, PythonColumn, validate_edtf
from apps.common.values.texts import OneLineField, ParagraphsField, line_feeds, one_line
from apps.common.writing.refusals import rule_of
from apps.events.models import Participation
from apps.registry.models import Alliance, MemberUnit
from tests import factories
from tests.common.admin.test_records import change_address, errors, filled_in
from tests.rows import make
from tests.writing import Keeper

OWN = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
RECORDS = [model for model in OWN if issubclass(model, Citable)]
LINES = [(model, field) for model in OWN for field in model._meta.concrete_fields if isinstance(field, OneLineField)]
# Columns of texts that are no lines that somebody types: each has a stricter form, or is made by the registry itself.
OTHERS = {"slug", "code", "merged_key", "request_id", "sha256", "captured_sha256", "body_sha256"}

BLANK = ["   ", "\u3000", "\u200b", "\n", "\t", "\u00a0", "\ufeff", "\u2028", " \u200b\ufeff\n"]
AROUND = [
    "X ",
    " X",
    "X\n",
    "\tX",
    "X\u000b",
    "X\u0085",
    "X\u00a0",
    "\ufeffX",
    "\u200bX\u200b",
    "X\r\n",
    "\u3000X\u3000",
]
INSIDE = ["X\nY", "X\rY", "X\u0001Y", "X\u0085Y", "X\u2028Y", "X\u2029Y", "X\u202eY", "X\u2066Y", "X\u007fY", "X\tY"]


def test_every_text_of_a_record_is_a_line_paragraphs_or_of_a_form_of_its_own() -> None:
    assert len(LINES) > 60
    for model in RECORDS:
        for field in model._meta.concrete_fields:
            if field.generated or isinstance(field, PythonColumn | EDTFField | OneLineField | ParagraphsField):
                continue
            if isinstance(field, models.CharField):
                known = field.choices or field.name in OTHERS or validate_edtf in field.validators
                assert known, f"{model.__name__}.{field.name}: take a OneLineField"
            assert not isinstance(field, models.TextField), f"{model.__name__}.{field.name}: take a ParagraphsField"


def test_white_space_is_that_of_unicode() -> None:
    assert {one_line(text) for text in AROUND} == {"X"}
    assert {one_line(text) for text in BLANK} == {""}
    assert one_line("五角场 街道\u3000社区") == "五角场 街道\u3000社区"
    assert one_line("❤\ufe0f") == "❤\ufe0f"  # a sign of its own
    assert line_feeds("一\r\n二\r三\n四") == "一\n二\n三\n四"


@pytest.mark.parametrize(("model", "field"), LINES, ids=[f"{model.__name__}.{field.name}" for model, field in LINES])
def test_no_line_is_stored_that_is_none(model: type[models.Model], field: Any) -> None:
    for text in INSIDE:
        with pytest.raises(ValidationError):
            field.clean(text, model())
    for text in BLANK:
        if field.blank:
            assert field.clean(text, model()) == ""
        else:
            with pytest.raises(ValidationError) as refused:
                field.clean(text, model())
            assert refused.value.code in ("blank", "invalid")


def broken(row: models.Model, name: str, text: str) -> tuple[str, str]:
    """Return the constraint, and its table, by which the database refuses a text that SQL writes into a row."""
    table, column = row._meta.db_table, row._meta.get_field(name).column
    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {connection.ops.quote_name(table)} SET {column} = %s WHERE id = %s", [text, row.pk])  # noqa: S608
    diagnosis = refused.value.__cause__.diag
    return diagnosis.constraint_name, diagnosis.table_name


@pytest.mark.django_db
@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
def test_the_database_has_the_last_word(model: type[models.Model]) -> None:
    # A person is named with an office only.
    row = make(model, **({"representative_office": "x"} if model is Participation else {}))
    for field in model._meta.concrete_fields:
        if isinstance(field, OneLineField):
            for text in (" x", "x\u00a0", "x\ny", "x\u202ey", "\ufeffx"):
                assert rule_of(*broken(row, field.name, text))[0] == field.name


@pytest.fixture
def keeper(db: None) -> Keeper:
    return Keeper(factories.UserFactory(is_staff=True, is_superuser=True))


@pytest.mark.parametrize("text", AROUND)
def test_a_name_is_stripped_whatever_way_it_comes(keeper: Keeper, text: str) -> None:
    made = keeper.write("POST", "member-units", {"name": text, "kind": "company", "state": "draft"}, 201)
    assert made["name"] == "X"
    path = f"member-units/{made['slug']}"
    assert keeper.write("PATCH", f"{path}?dry_run=true", {"name": text})["changes"][0]["fields"] == []
    item = {"key": made["slug"], "updated_at": made["updated_at"], "name": f"{text}"}
    assert keeper.write("PATCH", "member-units/bulk", {"items": [item]})["changes"][0]["fields"] == []
    MemberUnit.objects.filter(slug=made["slug"]).update(name=text)
    MemberUnit.objects.bulk_create([MemberUnit(slug="in-bulk", name=text, kind="company")])
    MemberUnit(slug="by-save", name=text, kind="company").save()
    stored = MemberUnit.objects.filter(slug__in=[made["slug"], "in-bulk", "by-save"])
    assert {(row.name, row.name_pinyin) for row in stored} == {("X", "X")}


@pytest.mark.parametrize("text", [*BLANK, *INSIDE])
def test_a_name_that_is_no_line_is_refused(keeper: Keeper, text: str) -> None:
    """Also of a published record, whose name nobody takes away."""
    alliance = factories.AllianceFactory()
    path, code = f"alliances/{alliance.slug}", "blank" if text in BLANK else "not_one_line"
    tag = keeper.tag(path)
    assert keeper.refused("PATCH", path, {"name": text}, 400, If_Match=tag) == {"/name": code}
    item = {"key": alliance.slug, "updated_at": keeper.get(path)["updated_at"], "name": text}
    assert keeper.refused("PATCH", "alliances/bulk", {"items": [item]}, 400) == {"/items/0/name": code}
    body = {"name": text, "kind": "alliance", "status": "active"}
    assert keeper.refused("POST", "alliances", body, 400)["/name"] == code
    assert Alliance.objects.get(pk=alliance.pk).name == alliance.name


def test_the_admin_takes_and_refuses_the_same(db: None) -> None:
    unit = factories.MemberUnitFactory(state="draft")
    client = Client(headers={"accept-language": "en"})
    client.force_login(factories.UserFactory(is_staff=True, is_superuser=True))
    given = filled_in(client.get(change_address(unit)))
    for text in [*BLANK, *(text for text in INSIDE if text != "X\tY")]:
        assert "name" in errors(client.post(change_address(unit), {**given, "name": text})), repr(text)
    answer = client.post(change_address(unit), {**given, "name": "\u200bX\u00a0", "summary": "一\r\n二"})
    assert answer.status_code == 302
    unit.refresh_from_db()
    assert (unit.name, unit.summary) == ("X", "一\n二")


def test_lines_of_prose_end_in_line_feeds(keeper: Keeper) -> None:
    body = {"name": "X", "kind": "company", "state": "draft", "summary": "一\r\n二\r三"}
    assert keeper.write("POST", "member-units", body, 201)["summary"] == "一\n二\n三"


def columns_without_a_check() -> Iterator[str]:
    """Yield the columns of one line for which the database has no check."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
        )
        checks = cursor.fetchall()
    for model, field in LINES:
        table = model._meta.db_table
        if not any(name == table and f"{field.column})::text !~" in text for name, text in checks):
            yield f"{table}.{field.column}"


@pytest.mark.django_db
def test_every_line_has_its_check() -> None:
    assert list(columns_without_a_check()) == []
