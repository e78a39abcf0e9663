"""What all records share: slugs that are made once and never change, search, validity in time, look-up of targets."""

# mypy: allow-untyped-calls

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.common.models.records import Record, citable_models
from apps.common.models.search_conditions import clean_q
from apps.common.models.slugs import SLUG_LENGTH, RetiredSlug
from apps.registry.models import Alliance, Membership, MemberUnit, UnitName
from tests.factories import (
    AllianceFactory,
    CitationFactory,
    FigureFactory,
    MembershipFactory,
    MemberUnitFactory,
    NeighbourhoodFactory,
    UnitNameFactory,
)
from tests.rows import make

pytestmark = pytest.mark.django_db

RECORDS = [model for model in citable_models().values() if issubclass(model, Record)]


# Slugs ------------------------------------------------------------


def test_a_slug_is_made_from_the_name_in_pinyin() -> None:
    assert MemberUnitFactory(name="长宁区测试医院").slug == "changning-qu-ceshi-yiyuan"


def test_a_slug_that_is_given_is_kept() -> None:
    assert MemberUnitFactory(name="长宁区测试医院", slug="hospital-1").slug == "hospital-1"


def test_a_taken_slug_gets_the_next_number() -> None:
    slugs = [MemberUnitFactory(name="长宁区测试医院").slug for _ in range(3)]
    assert slugs == ["changning-qu-ceshi-yiyuan", "changning-qu-ceshi-yiyuan-2", "changning-qu-ceshi-yiyuan-3"]


def test_two_rows_that_are_checked_before_either_is_saved_do_not_get_the_same_slug() -> None:
    rows = [MemberUnitFactory.build(name="长宁区测试医院", state="draft") for _ in range(2)]
    for row in rows:
        row.full_clean()
    for row in rows:
        row.save()
    assert [row.slug for row in rows] == ["changning-qu-ceshi-yiyuan", "changning-qu-ceshi-yiyuan-2"]


def test_the_slug_of_a_tie_names_both_ends() -> None:
    unit = MemberUnitFactory(slug="one-unit")
    alliance = AllianceFactory(slug="one-alliance")
    assert MembershipFactory(unit=unit, alliance=alliance, role="liaison").slug == "one-alliance-one-unit-liaison"
    unresolved = MembershipFactory(unit=None, as_written="测试中学", alliance=alliance)
    assert unresolved.slug == "one-alliance-ceshi-zhongxue-member"
    assert UnitNameFactory(unit=unit, name="测试").slug == "one-unit-ceshi"


def test_a_slug_stays_within_its_column_however_long_the_name() -> None:
    first, second = (MemberUnitFactory(name="长宁" * 100) for _ in range(2))
    assert len(first.slug) <= SLUG_LENGTH - 5
    assert second.slug == f"{first.slug}-2"
    tie = MembershipFactory(unit=first, alliance=AllianceFactory(name="闵行" * 100))
    assert len(tie.slug) <= SLUG_LENGTH


@pytest.mark.parametrize("name", ["……", "😀", "かな", "»"])
def test_a_name_of_which_no_slug_can_be_made_needs_one_to_be_given(name: str) -> None:
    row = MemberUnit(name=name, kind="company")
    with pytest.raises(ValidationError) as error:
        row.full_clean()
    assert list(error.value.message_dict) == ["slug"]
    row.slug = "given"
    row.full_clean()


def test_a_row_without_what_its_slug_is_made_of_is_refused_for_that() -> None:
    with pytest.raises(ValidationError) as error:
        MemberUnit(kind="company").full_clean()
    assert "name" in error.value.message_dict
    with pytest.raises(ValidationError) as error:
        Membership(role="member").full_clean()
    assert "alliance" in error.value.message_dict


@pytest.mark.parametrize("slug", ["Upper", "two--hyphens", "-first", "last-", "under_score", "é", "a b", "中文", "a\n"])
def test_clean_refuses_a_slug_that_is_not_plain(slug: str) -> None:
    with pytest.raises(ValidationError) as error:
        MemberUnitFactory.build(slug=slug).full_clean()
    assert "slug" in error.value.message_dict or "A slug has lower-case ASCII letters" in str(error.value)


def test_the_name_may_change_and_the_slug_does_not_follow() -> None:
    row = MemberUnitFactory(name="旧名", state="draft")
    slug = row.slug
    row.name = "新名"
    row.full_clean()
    row.save()
    assert MemberUnit.objects.get(pk=row.pk).slug == slug


def test_save_does_not_change_a_slug() -> None:
    row = MemberUnitFactory()
    row.slug = "another"
    with pytest.raises(DatabaseError, match="Cannot update rows"), transaction.atomic():
        row.save()


def test_update_does_not_change_a_slug() -> None:
    row = MemberUnitFactory()
    with pytest.raises(DatabaseError, match="Cannot update rows"), transaction.atomic():
        MemberUnit.objects.filter(pk=row.pk).update(slug="another")


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
def test_the_database_itself_refuses_to_change_a_slug(model: type[Record]) -> None:
    row = make(model)
    table = connection.ops.quote_name(model._meta.db_table)
    with (
        pytest.raises(DatabaseError, match="Cannot update rows"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE {table} SET slug = 'another' WHERE id = %s", [row.pk])  # noqa: S608


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
def test_the_slug_of_a_deleted_row_is_never_given_again(model: type[Record]) -> None:
    row = make(model)
    slug = row.slug
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT * FROM {table} WHERE id = %s", [row.pk])  # noqa: S608
        row.delete()
        assert RetiredSlug.objects.filter(table=model._meta.db_table, slug=slug).exists()
        columns = ", ".join(
            connection.ops.quote_name(field.column or "")
            for field in model._meta.concrete_fields
            if not field.generated
        )
        with pytest.raises(IntegrityError, match=f"the slug {slug} belonged to a deleted record"), transaction.atomic():
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept")  # noqa: S608


def test_clean_says_that_a_slug_belonged_to_a_deleted_record() -> None:
    MemberUnitFactory(slug="gone").delete()
    with pytest.raises(ValidationError) as error:
        MemberUnitFactory.build(slug="gone").full_clean()
    assert error.value.message_dict == {
        "slug": ["This slug belonged to a record that was deleted; slugs are not reused."]
    }


def test_a_made_slug_skips_those_of_deleted_records() -> None:
    MemberUnitFactory(name="长宁区测试医院").delete()
    assert MemberUnitFactory(name="长宁区测试医院").slug == "changning-qu-ceshi-yiyuan-2"


def test_slugs_are_retired_by_resource() -> None:
    MemberUnitFactory(slug="gone").delete()
    assert AllianceFactory(slug="gone").slug == "gone"


def test_slugs_of_rows_that_go_with_another_are_retired_too() -> None:
    unit = MemberUnitFactory()
    name = UnitNameFactory(unit=unit, slug="name-of-it")
    unit.delete()
    assert not UnitName.objects.filter(pk=name.pk).exists()
    assert RetiredSlug.objects.filter(table="registry_unitname", slug="name-of-it").exists()


def test_citations_and_figures_go_with_their_record() -> None:
    alliance = AllianceFactory()
    citation, figure = CitationFactory(record=alliance), FigureFactory(subject=alliance)
    alliance.delete()
    assert not type(citation).objects.filter(pk=citation.pk).exists()
    assert not type(figure).objects.filter(pk=figure.pk).exists()


# Search ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("五角场 街道", ["五角场", "街道"]),
        ("  Jing'an　QU ", ["jingan", "qu"]),
        ("“同心圆”", ["同心圆"]),
        ("ＡＢＣ", ["abc"]),
        ("lüxiang", ["lvxiang"]),
        ("·  “”", []),
    ],
)
def test_a_search_text_is_split_into_normalised_words(text: str, words: list[str]) -> None:
    assert clean_q(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "测试长宁医院",
        "长宁",
        "宁",
        "医院 长宁",
        "changning",
        "CHANGNING",
        "chang yiyuan",
        "cscnyy",
        "长宁 yiyuan",
        "ｃｈａｎｇ",
    ],
)
def test_a_row_is_found_by_name_pinyin_and_initials(text: str) -> None:
    row = MemberUnitFactory(name="测试长宁医院")
    assert row in MemberUnit.objects.matching(text)


@pytest.mark.parametrize("text", ["长宁 小学", "zhangning", "%", "_", "\\", "测试长宁医院院", "*", "'; --"])
def test_a_row_is_not_found_by_what_it_does_not_hold(text: str) -> None:
    row = MemberUnitFactory(name="测试长宁医院")
    assert row not in MemberUnit.objects.matching(text)


def test_a_unit_is_found_once_under_each_of_its_names() -> None:
    unit = MemberUnitFactory(name="测试长宁医院")
    UnitNameFactory(unit=unit, name="二军大", kind="short")
    UnitNameFactory(unit=unit, name="二军大学", kind="former")
    assert list(MemberUnit.objects.matching("二军大")) == [unit]
    assert list(MemberUnit.objects.matching("erjunda 长宁")) == [unit]


def test_a_tie_is_found_by_either_end_and_as_written() -> None:
    tie = MembershipFactory(
        alliance=AllianceFactory(name="睦邻测试联盟"), unit=MemberUnitFactory(name="长宁测试医院"), as_written="长测院"
    )
    for text in ("睦邻测试", "长宁测试", "长测院", "changningceshi 睦邻"):
        assert list(Membership.objects.matching(text)) == [tie]


def test_a_neighbourhood_is_found_by_the_name_that_articles_use() -> None:
    row = NeighbourhoodFactory(name="测试路四九一弄居委会")
    assert list(type(row).objects.matching("测试路491弄居民区")) == [row]


# Validity ------------------------------------------------------------


@pytest.mark.parametrize(
    ("founded_on", "dissolved_on", "days"),
    [
        ("", "", {"2000-01-01": True, "2030-01-01": True}),
        ("2012-06", "", {"2012-05-31": False, "2012-06-01": True, "2030-01-01": True}),
        ("../2012-06", "", {"2000-01-01": True, "2030-01-01": True}),
        ("2012", "2015-03", {"2011-12-31": False, "2012-01-01": True, "2015-03-31": True, "2015-04-01": False}),
        ("2012", "2015-03/..", {"2030-01-01": True}),
    ],
)
def test_a_record_holds_on_a_day_unless_the_dates_rule_it_out(
    founded_on: str, dissolved_on: str, days: dict[str, bool]
) -> None:
    row = AllianceFactory(founded_on=founded_on, dissolved_on=dissolved_on, status="dissolved")
    assert {day: row in Alliance.objects.valid_on(date.fromisoformat(day)) for day in days} == days


def test_a_record_without_dates_of_its_own_holds_on_every_day() -> None:
    figure = FigureFactory()
    assert figure in type(figure).objects.valid_on(date(1900, 1, 1))
