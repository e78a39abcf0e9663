import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from apps.registry.gazetteer.deriving import build, kind_of, main
from apps.registry.gazetteer.files import read
from apps.registry.gazetteer.rows import Curated, DivisionRow, Edition, Gazetteer, GazetteerError, SourceRow, validity

FOLDER = Path(__file__).parents[2] / "fixtures" / "gazetteer"
SHARED = Path(__file__).parents[3] / "shared" / "gazetteer"
CUT_OFFS = {2015: date(2015, 9, 30), 2017: date(2017, 10, 31), 2020: date(2020, 6, 30), 2023: date(2023, 6, 30)}
EDITIONS = [
    Edition(year, cut_off, ("district", "street", "zone", "neighbourhood"), "") for year, cut_off in CUT_OFFS.items()
]


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return read(FOLDER)


@pytest.fixture(scope="module")
def by_code(gazetteer: Gazetteer) -> dict[str, DivisionRow]:
    return {row.code: row for row in gazetteer}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(FOLDER, tmp_path / "gazetteer")


# What is in it


def test_counts_by_edition(gazetteer: Gazetteer) -> None:
    counts = {
        level: dict(sorted(Counter(year for row in rows for year in row.editions).items()))
        for level, rows in gazetteer.levels()
    }
    assert counts == {
        "district": {2015: 17, 2017: 16, 2020: 16, 2023: 16},
        "street": {2015: 213, 2017: 234, 2020: 234, 2023: 234},
        "neighbourhood": {2017: 5925, 2020: 6188, 2023: 6509},
    }
    assert [len(rows) for _, rows in gazetteer.levels()] == [18, 268, 7247]


def test_successors_by_what_shows_them(gazetteer: Gazetteer) -> None:
    shown = {
        level: Counter(gazetteer.successor_shown_by(row) for row in rows if row.successor)
        for level, rows in gazetteer.levels()
    }
    assert shown == {
        "district": {"curated": 2},
        "street": {"curated": 3, "code": 4, "name": 27},
        "neighbourhood": {"code": 401, "name": 122},
    }


def test_every_former_district_and_street_has_a_successor_of_today(
    gazetteer: Gazetteer, by_code: dict[str, DivisionRow]
) -> None:
    for row in (*gazetteer.districts, *gazetteer.streets):
        assert (row.successor is None) == (2023 in row.editions)
        assert row.successor is None or 2023 in by_code[row.successor].editions


@pytest.mark.parametrize(
    ("code", "name", "successor", "successor_name"),
    [
        ("310108", "闸北区", "310106", "静安区"),
        ("310230", "崇明县", "310151", "崇明区"),
        ("310110101", "五角场镇", "310110021", "长海路街道"),
        ("310109018-2017", "提篮桥街道", "310109018", "北外滩街道"),
        ("310114003", "菊园新区管委会", "310114401", "菊园新区"),
        ("310120504", "金海社区", "310120003", "金海街道"),
        ("310108001", "天目西路街道", "310106015", "天目西路街道"),
        ("310230102", "堡镇", "310151102", "堡镇"),
        ("310110101008", "翔殷路四九一弄居委会", "310110021008", "翔殷路四九一弄居委会"),
        ("310110101042", "盛世豪园居委会（筹）", "310110021401", "盛世豪园居委会"),
        ("310110021401", "盛世豪园居委会", "310110021046", "盛世豪园居委会"),
        ("310110019039", "创智坊居委会（筹）", "310110019401", "创智坊居委会"),
        ("310101019024-2020", "龙门村居委会", "310101019024", "龙门邨居委会"),
    ],
)
def test_what_followed_what(
    by_code: dict[str, DivisionRow], code: str, name: str, successor: str, successor_name: str
) -> None:
    assert (by_code[code].name, by_code[code].successor) == (name, successor)
    assert by_code[successor].name == successor_name


def test_a_committee_that_was_dissolved_has_no_successor(by_code: dict[str, DivisionRow]) -> None:
    assert (by_code["310110101010"].name, by_code["310110101010"].successor) == ("兰花村居委会", None)


def test_chains_of_successors_end(gazetteer: Gazetteer, by_code: dict[str, DivisionRow]) -> None:
    for row in gazetteer:
        seen = [row]
        while (code := seen[-1].successor) is not None:
            assert by_code[code] not in seen
            seen.append(by_code[code])


def test_what_is_valid_today_lies_in_something_valid_today(
    gazetteer: Gazetteer, by_code: dict[str, DivisionRow]
) -> None:
    assert [row for row in gazetteer.valid_in(2023) if row.parent and 2023 not in by_code[row.parent].editions] == []


def test_a_former_committee_lies_in_the_street_of_its_time(by_code: dict[str, DivisionRow]) -> None:
    assert by_code["310109018004"].editions == (2017,)
    assert by_code["310109018004"].parent == "310109018-2017"  # 提篮桥街道


def test_kinds(gazetteer: Gazetteer) -> None:
    assert Counter(row.kind for row in gazetteer.valid_in(2023)) == {
        "district": 16,
        "subdistrict": 107,
        "town": 106,
        "township": 2,
        "zone": 19,
        "residents_committee": 4941,
        "village_committee": 1555,
        "other": 13,
    }
    assert [row.name for row in gazetteer if row.kind == "other" and "虚拟" not in row.name] == ["新陈家村社区管理站"]


@pytest.mark.parametrize(
    ("code", "name", "kind"),
    [
        ("310230", "崇明县", "county"),
        ("310114004", "嘉定镇街道", "subdistrict"),
        ("310115103", "川沙新镇", "town"),
        ("310151202", "横沙乡", "township"),
        ("310120504", "金海社区", "zone"),
        ("310110019039", "创智坊居委会（筹）", "residents_committee"),
        ("310104017050", "公园道居民委员会", "residents_committee"),
        ("310110001003", "十九棉居委会会", "residents_committee"),
        ("310114103230", "水产村（方泰）村委会", "village_committee"),
        ("310115401598", "芦潮港农场虚拟生活区", "other"),
    ],
)
def test_kind_of(code: str, name: str, kind: str) -> None:
    assert kind_of(code, name) == kind


# Validity


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("310110101", ("", "2017-10-31/2020-06-30")),  # 五角场镇
        ("310110021", ("2017-10-31/2020-06-30", "")),  # 长海路街道
        ("310101002", ("", "")),
        ("310151", ("2015-09-30/2017-10-31", "")),
        ("310110019007", ("", "")),  # no neighbourhoods were listed before 2017
        ("310104501", ("", "")),  # nor zones
        ("310110016021", ("2017-10-31/2020-06-30", "2020-06-30/2023-06-30")),
    ],
)
def test_validity_lies_between_editions(
    gazetteer: Gazetteer, by_code: dict[str, DivisionRow], code: str, expected: tuple[str, str]
) -> None:
    assert gazetteer.validity(by_code[code]) == expected


@pytest.mark.parametrize("editions", [(2015, 2020), (2017, 2015), (), (2019,), (2015, 2015)])
def test_editions_with_a_gap_or_unknown_have_no_validity(editions: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="editions"):
        validity(editions, CUT_OFFS)


# Deriving


def derive(*streets: SourceRow, curated: tuple[Curated, ...] = ()) -> dict[str, str | None]:
    """Successors of these streets in two districts, the second of which followed the first."""
    districts = [SourceRow("310001", "旧区", (2015,)), SourceRow("310002", "新区", (2017, 2020, 2023))]
    given = (Curated("310001", "310002", "merged"), *curated)
    source = {"district": districts, "street": streets, "neighbourhood": []}
    return {row.code: row.successor for row in build(EDITIONS, source, given).streets}


def test_a_code_with_three_names_makes_a_chain() -> None:
    assert derive(
        SourceRow("310002001", "丙街道", (2023,)),
        SourceRow("310002001", "甲街道", (2017,)),
        SourceRow("310002001", "乙街道", (2020,)),
    ) == {"310002001-2017": "310002001-2020", "310002001-2020": "310002001", "310002001": None}


def test_a_name_shows_the_successor_in_the_successor_of_the_parent() -> None:
    assert derive(SourceRow("310001001", "甲街道", (2015,)), SourceRow("310002007", "甲街道", (2017, 2020))) == {
        "310001001": "310002007",
        "310002007": None,
    }


def test_a_name_that_two_could_mean_shows_nothing() -> None:
    successors = derive(
        SourceRow("310001001", "甲街道", (2015,)),
        SourceRow("310002007", "甲街道", (2017,)),
        SourceRow("310002008", "甲街道", (2017,)),
    )
    assert set(successors.values()) == {None}


def test_a_successor_that_two_claim_by_name_is_given_to_neither() -> None:
    successors = derive(
        SourceRow("310001001", "甲街道", (2015,)),
        SourceRow("310001002", "甲街道", (2015,)),
        SourceRow("310002007", "甲街道", (2017,)),
    )
    assert set(successors.values()) == {None}


def test_a_name_of_the_same_time_is_no_successor() -> None:
    successors = derive(SourceRow("310002001", "甲街道", (2017,)), SourceRow("310002002", "甲街道", (2017, 2020)))
    assert set(successors.values()) == {None}


def test_curation_goes_before_code() -> None:
    rows = [
        SourceRow("310002001", "甲街道", (2017,)),
        SourceRow("310002001", "乙街道", (2020,)),
        SourceRow("310002002", "丙街道", (2020,)),
    ]
    assert derive(*rows, curated=(Curated("310002001-2017", "310002002", "moved"),))["310002001-2017"] == "310002002"


@pytest.mark.parametrize(
    ("curated", "message"),
    [
        (Curated("310002001", "310002002", "backwards"), "streets.csv:2: successor: 310002001 is valid in 2023"),
        (Curated("310002002", "310002003", "nowhere"), "streets.csv:3: successor: '310002003' is not in the same file"),
        (Curated("310002002", "310002002", "itself"), "streets.csv:3: successor: 310002002 is not valid any later"),
        (Curated("310009", "310002", "unknown"), "successors.yaml: entry 2: code: '310009' is not in the gazetteer"),
    ],
)
def test_curation_that_cannot_be_is_refused(curated: Curated, message: str) -> None:
    rows = [SourceRow("310002001", "甲街道", (2017, 2020, 2023)), SourceRow("310002002", "乙街道", (2017,))]
    with pytest.raises(GazetteerError, match=message):
        derive(*rows, curated=(curated,))


@pytest.mark.skipif(not SHARED.is_dir(), reason="the source of the gazetteer is not part of the project")
def test_the_files_are_what_the_source_gives(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in folder.glob("*.csv"):
        path.unlink()
    main(str(SHARED), str(folder))
    assert "street: 268 records" in capsys.readouterr().out
    for path in FOLDER.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()


# Broken files


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("districts.csv", "code,name", "name,code", "districts.csv:1: the columns should be code,name,parent"),
        ("districts.csv", "310104,徐汇区,,", "310104,徐汇区,", "districts.csv:3: 5 cells instead of 6"),
        ("districts.csv", "310104,", "31010,", "districts.csv:3: code: '31010' is not 6 digits"),
        ("districts.csv", "310104,", "３10104,", "districts.csv:3: code: '３10104' is not 6 digits"),
        ("districts.csv", "310104,", "310101,", "districts.csv:3: code: 310101 is there twice"),
        ("districts.csv", "310104,", '"310104,', "districts.csv:3: unexpected end of data"),
        ("districts.csv", "\n310104,", "\n\n310104,", "districts.csv:3: "),
        ("districts.csv", "徐汇区,,", ",,", "districts.csv:3: name: '' is empty"),
        ("districts.csv", "徐汇区,,", " 徐汇区,,", "districts.csv:3: name: ' 徐汇区' is empty or has stray blanks"),
        ("districts.csv", "徐汇区,,", "徐汇区,310101,", "districts.csv:3: parent: a district has none"),
        ("districts.csv", "闸北区,,2015,", "闸北区,,,", "districts.csv:7: editions: '' is not a list of years"),
        ("districts.csv", "闸北区,,2015,", "闸北区,,2016,", "districts.csv:7: editions: editions 2016 are not among"),
        ("districts.csv", "闸北区,,2015,", "闸北区,,2015 2020,", "districts.csv:7: editions: .* leave a gap"),
        ("districts.csv", "310106,district", "310999,district", "districts.csv:7: successor: '310999' is not in the"),
        (
            "districts.csv",
            ",310106,district",
            ",310106,city",
            "districts.csv:7: kind: 'city' is not one of district, co",
        ),
        ("districts.csv", ",310106,district", ",310107,district", "successors.yaml: entry 1: successor: the CSV file"),
        (
            "streets.csv",
            "外滩街道,310101,",
            "外滩街道,310199,",
            "streets.csv:3: parent: '310199' is not in districts.csv",
        ),
        (
            "streets.csv",
            "外滩街道,310101,",
            "外滩街道,310104,",
            "streets.csv:3: parent: 310101013 cannot lie in 310104",
        ),
        ("streets.csv", "310109018-2017,", "310109018-2018,", "code: 310109018-2018 should be 310109018-2017"),
        (
            "streets.csv",
            "北外滩街道,310109,2020",
            "北外滩街道,310109,2017 2020",
            "310109018 has another holder in 2017",
        ),
        (
            "streets.csv",
            "莘庄工业区,310112,2017",
            "莘庄工业区,310112,2015 2017",
            "editions 2015 .* are not among those",
        ),
        ("neighbourhoods.csv", "百福居委会,310109018-2017,", "百福居委会,310109018,", "310109018 is not valid in 2017"),
        ("neighbourhoods.csv", "百福居委会", "百\ufeff\x85福居委会", "neighbourhoods.csv:.* 2 cells instead of 6"),
        ("editions.yaml", "year: 2017", "year: '2017'", "editions.yaml: entry 2: year: '2017' should be a int"),
        (
            "editions.yaml",
            "year: 2017",
            "year: 2024",
            "editions.yaml: entry 3: year: editions go from oldest to newest",
        ),
        ("editions.yaml", "[district, street]", "[village]", "editions.yaml: entry 1: levels: 'village' is not one"),
        ("editions.yaml", "- year: 2015", "- [", "editions.yaml: while parsing"),
        (
            "successors.yaml",
            "reason: The county",
            "why: The county",
            "successors.yaml: entry 2: should have exactly code",
        ),
        ("successors.yaml", '"310106"', "310106", "successors.yaml: entry 1: successor: 310106 should be a str"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(folder: Path, file: str, old: str, new: str, message: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(GazetteerError, match=message):
        read(folder)


def test_a_missing_or_unreadable_file_is_named(folder: Path) -> None:
    (folder / "streets.csv").write_bytes(b"\xff")
    with pytest.raises(GazetteerError, match=r"streets\.csv: .*utf-8"):
        read(folder)
    (folder / "streets.csv").unlink()
    with pytest.raises(GazetteerError, match=r"streets\.csv: .*No such file"):
        read(folder)


@pytest.mark.parametrize(("text", "message"), [("", "should be a list"), ("[]", "there is no edition")])
def test_editions_are_needed(folder: Path, text: str, message: str) -> None:
    (folder / "editions.yaml").write_text(text)
    with pytest.raises(GazetteerError, match=f"editions.yaml: {message}"):
        read(folder)
