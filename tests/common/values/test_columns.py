"""Columns computed from another one: in step with it whichever way a row is written."""

# mypy: allow-untyped-calls

from collections.abc import Callable
from datetime import date

import pytest
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import transaction
from django.db.models import F, Value

from apps.common.models.records import citable_models
from apps.common.values.columns import EDTFField, PythonColumn
from apps.common.values.dates import EDTFError
from apps.registry.models import Alliance, Neighbourhood
from tests.factories import AllianceFactory, NeighbourhoodFactory

pytestmark = pytest.mark.django_db

JUNE = (date(2012, 6, 1), date(2012, 6, 30))


def save(row: Alliance) -> None:
    row.founded_on, row.name = "2012-06", "长宁联盟"
    row.save()


def save_named_columns(row: Alliance) -> None:
    row.founded_on, row.name = "2012-06", "长宁联盟"
    row.save(update_fields=["founded_on", "name"])


def save_loaded_columns(row: Alliance) -> None:
    loaded = Alliance.objects.only("founded_on", "name").get(pk=row.pk)
    loaded.founded_on, loaded.name = "2012-06", "长宁联盟"
    loaded.save()


def update(row: Alliance) -> None:
    Alliance.objects.filter(pk=row.pk).update(founded_on="2012-06", name="长宁联盟")


def bulk_update(row: Alliance) -> None:
    row.founded_on, row.name = "2012-06", "长宁联盟"
    Alliance.objects.bulk_update([row], ["founded_on", "name"])


def update_or_create(row: Alliance) -> None:
    Alliance.objects.update_or_create(slug=row.slug, defaults={"founded_on": "2012-06", "name": "长宁联盟"})


def bulk_create_over(row: Alliance) -> None:
    columns = ["founded_on", "founded_on_earliest", "founded_on_latest", "name", "name_pinyin", "search_text"]
    new = Alliance(slug=row.slug, kind=row.kind, status=row.status, founded_on="2012-06", name="长宁联盟")
    Alliance.objects.bulk_create([new], update_conflicts=True, unique_fields=["slug"], update_fields=columns)


@pytest.mark.parametrize(
    "write",
    [save, save_named_columns, save_loaded_columns, update, bulk_update, update_or_create, bulk_create_over],
    ids=lambda write: write.__name__,
)
def test_derived_columns_follow_their_source(write: Callable[[Alliance], None]) -> None:
    row = AllianceFactory(name="旧名", founded_on="1999", state="draft")

    write(row)

    stored = Alliance.objects.get(pk=row.pk)
    assert (stored.founded_on, stored.name) == ("2012-06", "长宁联盟")
    assert (stored.founded_on_earliest, stored.founded_on_latest) == JUNE
    assert stored.name_pinyin == "Changning Lianmeng"
    assert stored.search_text == "\n长宁联盟\nchangninglianmeng\n\ncnlm\n"


def test_bulk_create_fills_them() -> None:
    Alliance.objects.bulk_create(
        [Alliance(slug="bulk-created", kind="alliance", status="active", name="长宁联盟", founded_on="2012-06")]
    )
    stored = Alliance.objects.get(slug="bulk-created")
    assert (stored.founded_on_earliest, stored.founded_on_latest) == JUNE
    assert stored.name_pinyin == "Changning Lianmeng"


def test_saving_other_columns_leaves_them_alone() -> None:
    row = AllianceFactory(founded_on="2012-06", state="draft")
    row.founded_on = "1999"
    row.slogan = "共建"
    row.save(update_fields=["slogan"])
    stored = Alliance.objects.get(pk=row.pk)
    assert (stored.slogan, stored.founded_on, stored.founded_on_earliest) == ("共建", "2012-06", JUNE[0])


def test_saving_no_columns_writes_nothing() -> None:
    row = AllianceFactory()
    before = row.updated_at
    row.save(update_fields=[])
    assert Alliance.objects.get(pk=row.pk).updated_at == before


@pytest.mark.parametrize("write", [save_named_columns, update, bulk_update], ids=lambda write: write.__name__)
def test_updated_at_moves_with_every_write(write: Callable[[Alliance], None]) -> None:
    row = AllianceFactory(state="draft")
    before = row.updated_at
    write(row)
    assert Alliance.objects.get(pk=row.pk).updated_at > before


def test_an_expression_for_a_source_is_refused() -> None:
    with pytest.raises(TypeError, match="name feeds name_pinyin: give update"):
        Alliance.objects.update(name=F("slogan"))
    with pytest.raises(TypeError, match="founded_on feeds founded_on_earliest: give update"):
        Alliance.objects.update(founded_on=Value("2012"))


def test_the_match_key_of_a_neighbourhood_follows_its_name() -> None:
    row = NeighbourhoodFactory(name="测试路491弄居委会")
    assert Neighbourhood.objects.get(pk=row.pk).match_key == "测试路四九一弄"
    Neighbourhood.objects.filter(pk=row.pk).update(name="测试九村居委会")
    assert Neighbourhood.objects.get(pk=row.pk).match_key == "测试九村"


def test_clean_refuses_a_date_that_is_no_edtf() -> None:
    row = AllianceFactory.build(founded_on="去年6月", founded_on_relative_to="昨天")
    with pytest.raises(ValidationError) as error:
        row.full_clean()
    assert sorted(error.value.message_dict) == ["founded_on", "founded_on_relative_to"]


@pytest.mark.parametrize(
    "write",
    [
        lambda row: row.save(),
        lambda row: Alliance.objects.filter(pk=row.pk).update(founded_on="去年6月"),
        lambda row: Alliance.objects.bulk_create([Alliance(slug="never", name="无", founded_on="去年6月")]),
        lambda row: Alliance.objects.bulk_update([row], ["founded_on"]),
    ],
    ids=["save", "update", "bulk_create", "bulk_update"],
)
def test_what_is_no_edtf_is_not_stored_either(write: Callable[[Alliance], None]) -> None:
    row = AllianceFactory(founded_on="2012")
    row.founded_on = "去年6月"
    with pytest.raises(EDTFError), transaction.atomic():
        write(row)
    assert Alliance.objects.get(pk=row.pk).founded_on == "2012"
    assert not Alliance.objects.filter(slug="never").exists()


def test_every_partial_date_has_its_companions() -> None:
    dates = 0
    for model in citable_models().values():
        for field in model._meta.get_fields():
            if not isinstance(field, EDTFField):
                continue
            dates += 1
            earliest, latest, wording, relative_to = (
                model._meta.get_field(f"{field.name}_{part}")
                for part in ("earliest", "latest", "wording", "relative_to")
            )
            assert isinstance(earliest, PythonColumn)
            assert isinstance(latest, PythonColumn)
            assert (earliest.source, latest.source) == (field.name, field.name)
            assert (earliest.editable, latest.editable) == (False, False)
            assert (getattr(wording, "blank", None), getattr(relative_to, "blank", None)) == (True, True)
    assert dates


def test_every_derived_column_names_a_column_of_its_own_row() -> None:
    for model in citable_models().values():
        for field in model._meta.concrete_fields:
            for source in field.sources if isinstance(field, PythonColumn) else ():
                try:
                    model._meta.get_field(source)
                except FieldDoesNotExist:
                    pytest.fail(f"{model.__name__}.{field.name} is computed from {source}, which is not there")
