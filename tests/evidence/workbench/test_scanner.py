"""What the scanner takes for a numeral, a date, a quoted name, a known name; and what it does not."""

import pytest

from apps.evidence.workbench.scanner import Finding, scan


def found(body: str, kind: str) -> list[str]:
    return [finding.text for finding in scan(body, {}) if finding.kind == kind]


@pytest.mark.parametrize(
    ("body", "numerals"),
    [
        ("提供服务720余次,惠及居民31700余人次", ["720余次", "31700余人次"]),
        ("4大类118个项目,近6500名党员", ["4大类", "118个", "6500名"]),
        ("新增20万个点位,18所高校", ["20万个", "18所"]),
        ("共12家,占35.5%", ["12家", "35.5%"]),
        ("五名教师、六个维度、三年、四大项目、两代书记", ["五名", "六个", "三年", "四大", "两代"]),
        ("十二工作法,党的二十大,一百零八人", ["十二", "二十大", "一百零八人"]),
        ("第一次,第十二次党代会,第二军医大学", ["第一次", "第十二次", "第二"]),
        ("十余家单位,三百多名", ["十余家", "三百多名"]),
        ("“1+1>2”和“80后”,8小时", ["1", "1", "2", "80后", "8小时"]),
        ("一项工程,一支队伍", ["一项", "一支"]),
    ],
)
def test_numerals_count_with_their_measure_words(body: str, numerals: list[str]) -> None:
    assert found(body, "numeral") == numerals


@pytest.mark.parametrize(
    "body",
    [
        "一方面要统一思想,一起进一步推进,一定一流",
        "五角场街道国定一居民区,浣纱六村,东五小区",
        "这一个、另一道、下一代、每一次",
        "一桩桩案例",
        "一是做强,二是做大",
        "万一,千万,十分,百姓,三角",
    ],
)
def test_numerals_in_words_count_nothing(body: str) -> None:
    assert found(body, "numeral") == []


@pytest.mark.parametrize(
    ("body", "dates"),
    [
        ("2023年十大项目,暨2023年度会议", ["2023年", "2023年度"]),
        ("今年3月启动,去年6月成立", ["今年3月", "去年6月"]),
        ("自2021年1月提出,2013年6月27日召开,2013-06-27", ["2021年1月", "2013年6月27日", "2013-06-27"]),
        ("今年以来,近年来,这两年来", ["今年以来", "近年来", "这两年来"]),
        ("计划于年底前新增,明年年初完成", ["年底前", "明年年初"]),
        ("今天召开,近日发布,日前交流,目前已有", ["今天", "近日", "日前", "目前"]),
        ("在过去的一年中,前不久提出", ["过去的一年中", "前不久"]),
        ("十二月开始,6月结束", ["十二月", "6月"]),
    ],
)
def test_dates_are_found_with_all_that_belongs_to_them(body: str, dates: list[str]) -> None:
    assert found(body, "date") == dates


def test_a_date_swallows_the_numerals_within_it() -> None:
    assert found("2021年11月,第十一次党代会", "numeral") == ["第十一次"]


@pytest.mark.parametrize("body", ["分三年落地,24小时服务", "目标明确,提前年审", "节日前夕", "80年代"])
def test_durations_and_chance_neighbours_are_no_dates(body: str) -> None:
    assert found(body, "date") == []


def test_quoted_names_are_found_within_each_other() -> None:
    assert found("“大‘思政课’建设”和《工作法》", "quoted") == ["大‘思政课’建设", "思政课", "工作法"]


def test_speech_and_single_characters_are_no_quoted_names() -> None:
    assert found("“这得益于‘核聚变’效应。”他说,以“治”为先", "quoted") == ["核聚变"]


def test_an_unclosed_quotation_is_left_alone() -> None:
    assert found("“甲‘乙丙”丁戊", "quoted") == []


def test_the_longest_known_name_at_a_place_is_found_with_what_it_means() -> None:
    names = {"五角场": ["x/1"], "五角场镇": ["streets/310110101"], "五角场镇党委": ["member-units/dw", "unit-names/dw"]}
    assert scan("五角场镇党委在五角场镇", names) == [
        Finding("name", 0, 6, "五角场镇党委", ("member-units/dw", "unit-names/dw")),
        Finding("name", 7, 11, "五角场镇", ("streets/310110101",)),
    ]


def test_names_of_a_single_character_are_not_looked_for() -> None:
    assert scan("镇里开会", {"镇": ["streets/1"]}) == []


def test_offsets_are_code_points() -> None:
    (finding,) = scan("𠮷𠮷5个", {})
    assert (finding.start, finding.end) == (2, 4)


def test_findings_are_in_reading_order() -> None:
    findings = scan("今年“两新计划”有5个项目", {"两新计划": ["projects/lx"]})
    assert [(f.kind, f.start) for f in findings] == [("date", 0), ("quoted", 3), ("name", 3), ("numeral", 9)]


@pytest.mark.parametrize("body", ["", "一", "“", "”’》", "第", "年", "\0\n"])
def test_odd_texts_are_scanned_without_harm(body: str) -> None:
    assert scan(body, {"年会": ["events/n"]}) == []
