"""Normal forms, n-grams, queries on them, and what comes near."""

import random

import pytest
from django.db import connection
from django.db.models import Value

from apps.common.models.records import Citable, citable_models
from apps.common.values.ngrams import edits, ngrams, term_parameters
from apps.common.values.pinyin import normalise_term, search_key
from apps.evidence.models import Article
from apps.projects.models import Project
from apps.registry.models import Membership, MemberUnit, Neighbourhood, UnitName
from tests.factories import MembershipFactory, MemberUnitFactory, ProjectFactory, UnitNameFactory


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("五角場鎮黨建聯盟", "五角场镇党建联盟"),
        ("臺灣裏", "台湾里"),
        ("ＡＢＣ１２３", "abc123"),
        ("美好社区·先锋行动", "美好社区•先锋行动"),
        ("美好社区・先锋行动", "美好社区‧先锋行动"),
        ("“同心圆”", "「同心圆」"),
        ("『同心圆』", "同心 圆"),
        ("＂同心圆＂", "'同　心\u200b圆'"),
        ("LÜ", "v".join(["l", ""])),
    ],
)
def test_what_makes_no_difference_is_folded(one: str, other: str) -> None:
    assert normalise_term(one) == normalise_term(other)
    assert normalise_term(normalise_term(one)) == normalise_term(one)


def test_a_traditional_name_is_read_like_the_simplified_one() -> None:
    assert search_key("長寧區行知學校") == search_key("长宁区行知学校")


@pytest.mark.parametrize(
    "text", ["五", "五角", "五角场", "五角场街道", "wj", "wjc", "wujiaochang", "360公司", "a%_'\\"]
)
def test_n_grams_cover_a_text(text: str) -> None:
    places = {at for gram in ngrams(text) for at in range(text.find(gram), text.find(gram) + len(gram))}
    assert places == set(range(len(text)))


@pytest.mark.parametrize(
    ("term", "line", "expected"),
    [("五角厂", "五角场镇", 1), ("wujiaocang", "wujiaochangzhen", 1), ("角场", "五角场镇", 0), ("甲乙", "丙丁", 2)],
)
def test_edits_are_the_fewest_changes_that_make_a_term_stand_in_a_line(term: str, line: str, expected: int) -> None:
    assert edits(term, line) == expected


def terms_of(texts: list[str], number: int) -> list[str]:
    """Return terms drawn from searched texts: pieces of any length from any line."""
    dice = random.Random(4)  # noqa: S311 - the same terms in every run
    found: list[str] = []
    while len(found) < number:
        line = dice.choice([line for line in dice.choice(texts).split("\n") if line])
        start = dice.randrange(len(line))
        found.append(line[start : start + dice.choice([1, 1, 2, 2, 3, 4, 6, 9, len(line)])])
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("model", [MemberUnit, Project, Neighbourhood, Article], ids=lambda model: model.resource)
def test_the_n_grams_find_what_a_scan_finds(model: type[Citable]) -> None:
    texts = {"search_text": dict(model._default_manager.values_list("pk", "search_text"))}
    if model in (MemberUnit, Neighbourhood):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, alias_text FROM {model._meta.db_table}")  # noqa: S608
            texts["alias_text"] = dict(cursor.fetchall())
    drawn = terms_of([text for column in texts.values() for text in column.values() if text.strip()], 50)
    for term in [*drawn, "%", "_", "\\", "'", "杨十", "zzz", "\\%"]:
        expected = {pk for column in texts.values() for pk, text in column.items() if term in text}
        found = model._default_manager.filter(model.search_condition(*term_parameters(term)))
        assert set(found.values_list("pk", flat=True)) == expected, term


@pytest.mark.django_db
def test_a_condition_has_one_shape_whatever_its_values() -> None:
    for model in citable_models().values():
        texts = {
            model._default_manager.filter(model.search_condition(Value(q), Value(like))).query.sql_with_params()[0]
            for q, like in (("'五角' & '角场'", "%五角场%"), ("'a'", "%\\%%"))
        }
        assert len(texts) == 1


@pytest.mark.django_db
def test_n_grams_follow_every_way_to_write() -> None:
    project = ProjectFactory(name="测甲", summary="试乙", slogan="验丙", state="draft")
    conditions = {"name": "ngrams__hold", "prose": "prose_ngrams__hold"}

    def holds(column: str, gram: str) -> bool:
        return Project.objects.filter(pk=project.pk, **{conditions[column]: f"'{gram}'"}).exists()

    assert (holds("name", "测甲"), holds("prose", "试乙"), holds("prose", "验丙")) == (True, True, True)
    Project.objects.filter(pk=project.pk).update(name="测丁", summary="试戊")
    assert (holds("name", "测丁"), holds("name", "测甲"), holds("prose", "试乙")) == (True, False, False)
    assert (holds("prose", "试戊"), holds("prose", "验丙")) == (True, True)
    project.refresh_from_db()
    project.slogan = "验己"
    project.save(update_fields=["slogan"])
    assert (holds("prose", "验己"), holds("prose", "验丙"), holds("prose", "试戊")) == (True, False, True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE projects_project SET search_text = 'z', ngrams = '''q''' WHERE id = %s", [project.pk])
    assert (holds("name", "z"), holds("name", "q")) == (True, False)


@pytest.mark.django_db
def test_a_unit_is_found_by_its_published_names_as_they_change() -> None:
    unit, other = MemberUnitFactory(name="测试第九学院"), MemberUnitFactory(name="测试第十学院")
    stale = MemberUnit.objects.get(pk=unit.pk)
    name = UnitNameFactory(unit=unit, name="测九院")
    stale.save()  # knows nothing of the name, and does not take it away
    assert list(MemberUnit.objects.matching("测九院")) == [unit]
    UnitName.objects.filter(pk=name.pk).update(unit=other)
    assert list(MemberUnit.objects.matching("測九院")) == [other]
    UnitName.objects.filter(pk=name.pk).update(state="draft")
    assert list(MemberUnit.objects.matching("测九院")) == []
    UnitName.objects.filter(pk=name.pk).update(state="published")
    tie = MembershipFactory(unit=other)
    assert list(Membership.objects.matching("ce jiuyuan")) == [tie]
    UnitName.objects.filter(pk=name.pk).delete()
    assert list(MemberUnit.objects.matching("测九院")) == []
