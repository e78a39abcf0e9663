"""The numbers that words give: value, comparator and unit, in Arabic and Chinese numerals. Pure."""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

from apps.evidence.levels.scripts import fold, remembered

DIGITS = {name: value for value, name in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
SMALL = {"十": 10, "百": 100, "千": 1000}
LARGE = {"万": 10**4, "亿": 10**8}

# What bounds a number from before and from behind, as data.
BEFORE = {
    "~": ("近", "将近", "接近", "约", "大约", "约有", "大概", "差不多", "几近", "近乎"),
    ">": ("超", "超过", "超出", "逾", "突破", "多于", "大于", "高于"),
    ">=": ("至少", "不少于", "不低于", "不下", "不小于"),
    "<=": ("至多", "最多", "不超过", "不多于", "不高于", "不大于"),
    "<": ("不足", "不到", "少于", "低于", "小于", "未满"),
}
INSIDE = {"余": ">=", "多": ">=", "来": "~"}
BEHIND = {
    ">=": ("以上", "及以上", "起", "有余"),
    "~": ("左右", "上下", "许"),
    "<=": ("以内", "以下", "之内", "及以下"),
}

# Measure words, and the units that they mean. An empty unit leaves it to the noun behind.
MEASURES = {
    "person_time": ("人次", "人·次"),
    "person": ("人", "名", "位", "口人", "员"),
    "time": ("次", "回", "遍", "趟"),
    "session": ("场次", "场", "期", "班次", "堂"),
    "organisation": ("家", "所"),
    "category": ("大类", "类", "种", "代", "门类", "个类别", "个方面", "大方面", "大板块"),
    "year": ("年", "个年头", "周年"),
    "hour": ("小时", "个小时", "学时", "课时"),
    "point": ("个点位", "点位", "个点"),
    "project": ("个项目", "大项目", "项目"),
    "percent": ("%", "个百分点", "百分点"),
    "square_metre": ("平方米", "㎡", "m²", "平米"),
    "day": ("天", "日", "个工作日"),
    "month": ("个月",),
    "minute": ("分钟",),
    "money": ("元", "块钱", "美元"),
    "household": ("户",),
    "age": ("岁",),
    "length": ("公里", "千米", "米", "里"),
    "area": ("亩", "公顷", "平方公里"),
    "copy": (
        "册",
        "本",
        "份",
        "件",
        "台",
        "辆",
        "套",
        "张",
        "条",
        "支",
        "篇",
        "处",
        "座",
        "栋",
        "间",
        "幢",
        "盏",
        "棵",
    ),
    "": ("个", "大", "项", "只"),
}
# The nouns that tell what 个, 大 and 项 count, the first that stands in the words behind; an item otherwise.
NOUNS = {
    "project": ("项目", "行动", "工程", "课题", "品牌", "计划"),
    "point": ("点位", "充电桩", "网点", "站点"),
    "category": ("阶段", "范畴", "类别", "类型", "种类", "年龄段", "圈层", "板块", "领域", "方面", "门类", "层次"),
    "organisation": ("单位", "企业", "机构", "学校", "院校", "公司", "医院", "支部", "党组织", "社会组织", "团体"),
    "person": ("党员", "志愿者", "居民", "群众", "学生", "教师", "代表"),
    "hour": ("小时",),
    "session": ("场次",),
}
# Where a numeral counts nothing: an ordinal, a year, a part of an address or a name.
ORDINALS = ("第", "初", "星期", "周", "礼拜", "编号", "No.")
NO_COUNTS = ("号", "弄", "室", "路", "版", "届", "月", "后", "年代", "世纪", "楼", "中", "小学", "院", "成", "时")
VAGUE = "几数若干"
NUMERAL_AT_MOST = 24  # characters; what is longer is no number that anybody writes

_NUMERAL = "零〇一二两三四五六七八九十百千万亿"
_MEASURE = sorted(((word, unit) for unit, words in MEASURES.items() for word in words), key=lambda x: -len(x[0]))
_NOUN = sorted(((word, unit) for unit, words in NOUNS.items() for word in words), key=lambda x: -len(x[0]))
_BEFORE = sorted(((word, sign) for sign, words in BEFORE.items() for word in words), key=lambda x: -len(x[0]))
_BEHIND = sorted(((word, sign) for sign, words in BEHIND.items() for word in words), key=lambda x: -len(x[0]))
_ARABIC = re.compile(
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?P<point>\.\d+)?(?P<in1>[余多来])?(?P<scale>[百千]?[万亿]|[百千])?"
)
_CHINESE = re.compile(rf"[{VAGUE}]*[{_NUMERAL}]+[{VAGUE}]*")
_PERCENT = re.compile(r"百分之(?P<n>[零〇一二两三四五六七八九十百点]+|\d+(?:\.\d+)?)")
_AREA = re.compile(r"(?:居民|学生|教师)(?:小)?(?:区|委员会|委|会|公寓|之家)")
_RANGE = re.compile(r"[至到~—–-]+")
_PAUSE = re.compile("，(?![０-９])")  # parts sentences; thousands have a comma as wide as their digits
_STOP = re.compile(r"[,。;:!?、,;:()（）\n”」』》\"]")


@dataclass(frozen=True)
class Number:
    """A number in words: how it bounds the true one, its value, its unit, and where it stands."""

    comparator: str
    value: Decimal
    unit: str
    start: int
    end: int

    def __str__(self) -> str:
        sign = "" if self.comparator == "=" else f"{self.comparator} "
        return f"{sign}{self.value.normalize():f} {self.unit}".strip()


def chinese_value(numeral: str) -> int | None:
    """Return the value of a Chinese numeral (一百二十三, 二〇二三); None for one that is none."""
    if not 0 < len(numeral) <= NUMERAL_AT_MOST or any(
        char not in DIGITS and char not in SMALL and char not in LARGE for char in numeral
    ):
        return None
    if all(char in DIGITS for char in numeral):
        return int("".join(str(DIGITS[char]) for char in numeral))
    total = section = 0
    digit: int | None = None
    for char in numeral:
        if char in DIGITS:
            digit = DIGITS[char]
        elif char in SMALL:
            section += (1 if digit is None else digit) * SMALL[char]
            digit = None
        else:
            total = (total + section + (digit or 0) or 1) * LARGE[char]
            section, digit = 0, None
    return total + section + (digit or 0)


@remembered
def numbers(words: str) -> tuple[Number, ...]:
    """Return all numbers that words give, in their order. Ordinals, years and vague ones (几, 数十) give none."""
    text = fold(_PAUSE.sub("；", words))
    found = [*_percents(text), *_arabic(text), *_chinese(text)]
    found.sort(key=lambda number: (number.start, -number.end))
    kept: list[Number] = []
    for number in found:
        if not kept or number.start >= kept[-1].end:
            kept.append(number)
    return tuple(_as_ranges(text, kept))


def _as_ranges(text: str, found: list[Number]) -> list[Number]:
    """Read 5至10人 as at least 5 and at most 10 persons; the unit stands behind the second."""
    read = list(found)
    for place, (first, second) in enumerate(pairwise(found)):
        if _RANGE.fullmatch(text, first.end, second.start) and first.unit in ("item", second.unit):
            read[place] = replace(first, comparator=">=", unit=second.unit)
            read[place + 1] = replace(second, comparator="<=")
    return read


def _percents(text: str) -> list[Number]:
    found = []
    for match in _PERCENT.finditer(text):
        written = match["n"]
        value = Decimal(written) if written[0].isdigit() and written.isascii() else chinese_value(written)
        if value is not None:
            found.append(Number(_sign_before(text, match.start()) or "=", Decimal(value), "percent", *match.span()))
    return found


def _arabic(text: str) -> list[Number]:
    found = []
    for match in _ARABIC.finditer(text):
        if match.start() and (text[match.start() - 1].isdigit() or text[match.start() - 1] == "."):
            continue
        value = Decimal(match["digits"].replace(",", "") + (match["point"] or ""))
        for char in match["scale"] or "":
            value *= SMALL.get(char) or LARGE[char]
        if number := _number(text, match.start(), match.end(), value, INSIDE.get(match["in1"] or "", "")):
            found.append(number)
    return found


def _chinese(text: str) -> list[Number]:
    found = []
    for match in _CHINESE.finditer(text):
        before = text[match.start() - 1] if match.start() else ""
        if before.isdigit() or (before and before in INSIDE) or any(char in VAGUE for char in match[0]):
            continue
        value = chinese_value(match[0])
        if value is None:
            continue
        number = _number(text, match.start(), match.end(), Decimal(value), "")
        # One character alone is a number only before a measure word: 国定一居民区 counts nothing.
        if number and (len(match[0]) > 1 or number.comparator != "=" or _measured(text, match.end())):
            found.append(number)
    return found


def _measured(text: str, end: int) -> bool:
    return any(text.startswith(word, end) for word, _unit in _MEASURE)


def _number(text: str, start: int, end: int, value: Decimal, inside: str) -> Number | None:
    """Return the number whose numeral stands there; None where it counts nothing."""
    if any(text.endswith(word, 0, start) for word in ORDINALS):
        return None
    if not inside and end < len(text) and text[end] in INSIDE and not text.startswith("来自", end):
        inside, end = INSIDE[text[end]], end + 1
        while end < len(text) and text[end] in LARGE:  # 20余万
            value, end = value * LARGE[text[end]], end + 1
    if end < len(text) and text[end] in VAGUE:
        return None
    unit, behind = _unit(text, end, value)
    if unit is None:
        return None
    sign = inside or _sign_before(text, start) or _sign_behind(text, behind) or "="
    return Number(sign, value, unit, start, behind)


def _unit(text: str, end: int, value: Decimal) -> tuple[str | None, int]:
    """Return the unit behind a numeral and where its measure word ends; None where the numeral counts nothing."""
    measure, own = next(((word, unit) for word, unit in _MEASURE if text.startswith(word, end)), ("", ""))
    if not measure and any(text.startswith(word, end) for word in NO_COUNTS):
        return None, end
    if own in ("day",) and measure == "日":
        return None, end
    # 2023年 is a year, no count of years.
    if measure == "年" and 1000 <= value < 10000:
        return None, end
    behind = end + len(measure)
    if own:
        return own, behind
    noun_end = _STOP.search(text, behind)
    nouns = text[behind : min(noun_end.start() if noun_end else len(text), behind + 12)]
    nouns = _AREA.sub("", nouns)
    places = [(place, -len(word), unit) for word, unit in _NOUN if (place := nouns.find(word)) >= 0]
    return (min(places)[2] if places else "item"), behind


def _sign_before(text: str, start: int) -> str:
    return next((sign for word, sign in _BEFORE if text.endswith(word, 0, start)), "")


def _sign_behind(text: str, end: int) -> str:
    return next((sign for word, sign in _BEHIND if text.startswith(word, end)), "")
