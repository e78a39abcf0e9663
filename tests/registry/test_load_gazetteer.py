"""The gazetteer in the database: loaded whole, loaded again without a trace, refused whole."""

import shutil
from pathlib import Path

import pytest
from django.conf import settings

from apps.registry.actions import load_gazetteer
from apps.registry.gazetteer.rows import GazetteerError
from apps.registry.models import District, Neighbourhood, Street

pytestmark = pytest.mark.django_db

FOLDER = settings.BASE_DIR / "fixtures" / "gazetteer"


def state() -> dict[str, list[object]]:
    """Return all that is stored of the divisions."""
    return {model.resource: [*model.objects.order_by("id").values()] for model in (District, Street, Neighbourhood)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "gazetteer"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_all_editions_are_loaded() -> None:
    assert (District.objects.count(), Street.objects.count(), Neighbourhood.objects.in_editions().count()) == (
        18,
        268,
        7247,
    )


def test_loading_again_touches_nothing() -> None:
    before = state()
    assert load_gazetteer(folder=FOLDER) == {}
    assert state() == before


def test_only_the_row_that_changed_is_written(folder: Path) -> None:
    before = state()
    edit(folder / "streets.csv", "310110019,五角场街道,", "310110019,五角场新街道,")

    assert load_gazetteer(folder=folder) == {"streets": 1}

    changed = [row for row, old in zip(state()["streets"], before["streets"], strict=True) if row != old]
    assert [(row["code"], row["name"], row["name_pinyin"]) for row in changed] == [  # type: ignore[index]
        ("310110019", "五角场新街道", "Wujiaochangxin Jiedao")
    ]
    assert state()["neighbourhoods"] == before["neighbourhoods"]


def test_a_row_that_something_else_changed_is_put_right() -> None:
    Street.objects.filter(code="310110019").update(name="别名", successor=Street.objects.get(code="310110101"))

    assert load_gazetteer(folder=FOLDER) == {"streets": 1}

    street = Street.objects.get(code="310110019")
    assert (street.name, street.name_pinyin, street.successor) == ("五角场街道", "Wujiaochang Jiedao", None)


def test_nothing_is_written_of_a_gazetteer_that_is_wrong_at_its_end(folder: Path) -> None:
    before = state()
    edit(folder / "districts.csv", ",黄浦区,", ",黄浦新区,")
    with (folder / "neighbourhoods.csv").open("a", encoding="utf-8") as file:
        file.write("319999999999,无处居委会,319999999,2023,,residents_committee\n")

    with pytest.raises(GazetteerError, match=r"^neighbourhoods\.csv:\d+: parent: '319999999' is not in streets\.csv$"):
        load_gazetteer(folder=folder)

    assert state() == before
