"""The dates that words give, by wording and the article's date. Pure: text in, EDTF out.

Three rules beside what is written, as data below: what an article tells as past ends at its date of issue; what it
tells as going on since a date runs from there to the issue; an undated article has an interval, with its evidence in
the body: it was issued not before the latest month that it names.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from apps.common.values.dates import EDTFError, bounds
from apps.evidence.levels import wording as wordings
from apps.evidence.levels.numbers import chinese_value
from apps.evidence.levels.scripts import fold, remembered
from apps.evidence.levels.verdicts import NOT_SAID, Context, Level, Verdict

# What tells of something past: it ends at the date of issue.
PAST = (
    *("了", "过", "已", "曾", "起来", "建起", "建成", "成立", "召开", "举行", "举办", "发布", "推出", "启动", "揭牌"),
    *("提出", "透露", "表示", "介绍", "强调", "指出", "认为", "说", "贯彻", "落实", "完成", "会后", "事后", "随后"),
    *("签约", "签署", "获", "荣获", "开展", "开放", "开张", "运行", "回顾", "新添", "嵌入", "上线", "落成"),
)
# What tells of something that goes on since a date: it runs from there to the date of issue.
GOING_ON = (
    *("以来", "起", "自", "从", "开始", "至今", "一直", "持续", "随后", "陆续", "先后", "不断", "通过", "多次", "进行"),
)
ABOUT = ("左右", "前后", "许", "约")

_YEAR = r"(?P<year>[12]\d{3}|[一二][零〇一二三四五六七八九]{3})"
_MONTH = r"(?P<month>1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
_DAY = r"(?P<day>[12]\d|3[01]|0?[1-9]|[二三]?十[一二三四五六七八九]?|[一二三四五六七八九])"
_WRITTEN = re.compile(rf"{_YEAR}年(?:度)?(?:{_MONTH}月(?:份)?(?:{_DAY}[日号])?)?")
_ISO = re.compile(r"(?<!\d)(?P<year>[12]\d{3})[-./](?P<month>\d{1,2})(?:[-./](?P<day>\d{1,2}))?(?!\d)")
_WITHOUT_YEAR = re.compile(rf"(?<![年\d一二三四五六七八九十]){_MONTH}月(?:{_DAY}[日号])?")
_RELATIVE = re.compile(
    "|".join(
        [
            wordings.MONTH_OF_YEAR.pattern,
            *map(
                re.escape,
                sorted(
                    {
                        *wordings.UP_TO_NOW,
                        *wordings.FROM_NOW,
                        *wordings.BY_YEAR_END,
                        *wordings.SINCE_NEW_YEAR,
                        *wordings.PAST_YEAR,
                        *wordings.MONTHS,
                    },
                    key=len,
                    reverse=True,
                ),
            ),
            wordings.DAY.pattern,
        ]
    )
)


@remembered
def written(words: str) -> tuple[str, ...]:
    """Return the dates that words give in full, in EDTF: 2021年12月 is 2021-12."""
    text = fold(words)
    found = [(match.start(), _edtf(match)) for pattern in (_WRITTEN, _ISO) for match in pattern.finditer(text)]
    return tuple(edtf for _place, edtf in sorted(found) if _is_date(edtf))


def told(words: str, issued: str) -> Iterator[str]:
    """Yield the dates that words give only together with the article's date of issue."""
    text = fold(words)
    for match in _RELATIVE.finditer(text):
        if edtf := wordings.resolve(match[0], issued):
            yield edtf
    first, last = bounds(issued)
    if first and last and first.year == last.year:
        for match in _WITHOUT_YEAR.finditer(text):
            edtf = _joined(f"{first.year:04}", match["month"], match["day"])
            if _is_date(edtf):
                yield edtf


@lru_cache(maxsize=256)
def issue_of(issued: str, body: str) -> str:
    """Return when an article was issued: its date, or the interval that its body gives an undated one."""
    if issued:
        return issued
    months = [edtf[:7] for edtf in written(body) if len(edtf) >= 7]
    return f"{max(months)}/.." if months else ""


def check_date(value: object, words: str, context: Context) -> Verdict:
    """Return how words say a date: an EDTF text, or {value, wording, relative_to}."""
    parts = value if isinstance(value, dict) else {"value": value}
    edtf, wording = str(parts.get("value") or ""), str(parts.get("wording") or "")
    issued = issue_of(context.issued, context.body)
    if wording:
        return _check_wording(edtf, wording, str(parts.get("relative_to") or ""), words, context.issued, issued)
    in_full = written(words)
    if edtf in in_full:
        return Verdict(Level.LITERAL, edtf)
    by_issue = list(told(words, issued))
    given = {*by_issue, *_ranges(words, in_full), *_by_rules(words, [*in_full, *by_issue], issued)}
    if edtf in given:
        return Verdict(Level.DERIVED, edtf)
    return Verdict(None, ", ".join(dict.fromkeys([*in_full, *by_issue])) or ", ".join(sorted(given)))


def _check_wording(edtf: str, wording: str, relative_to: str, words: str, dated: str, issued: str) -> Verdict:
    if fold(wording) not in fold(words):
        return NOT_SAID
    means = wordings.resolve(fold(wording), issued)
    if means is None:
        means = next(iter((*written(wording), *told(wording, issued))), None)
    if means == edtf and relative_to == dated:
        return Verdict(Level.DERIVED, edtf)
    return Verdict(None, f"{means or ''} ({wording})" if means else "")


def _by_rules(words: str, dates: list[str], issued: str) -> Iterator[str]:
    """Yield the intervals that the rules for what is past and what goes on give."""
    text = fold(words)
    _start, slash, end = issued.partition("/")
    until = (end if slash else issued).strip(".") or ".."
    if any(cue in text for cue in PAST) and not written(words):
        yield f"../{until}"
    if any(cue in text for cue in GOING_ON):
        yield from (f"{date}/{until}" for date in dates if "/" not in date)
    if any(cue in text for cue in ABOUT):
        yield from (f"{date}~" for date in dates if "/" not in date)


def _ranges(words: str, dates: tuple[str, ...]) -> Iterator[str]:
    if len(dates) == 2 and re.search(r"[日月年号\d][至到—~-]+", fold(words)):
        yield f"{dates[0]}/{dates[1]}"


def _edtf(match: re.Match[str]) -> str:
    return _joined(match["year"], match["month"], match["day"])


def _joined(*parts: str | None) -> str:
    """Return year, month and day in EDTF, each in Arabic or Chinese numerals."""
    numbers = [int(part) if part.isascii() else chinese_value(part) or 0 for part in parts if part]
    return "-".join(f"{number:04}" if place == 0 else f"{number:02}" for place, number in enumerate(numbers))


def _is_date(edtf: str) -> bool:
    try:
        bounds(edtf)
    except EDTFError:
        return False
    return True
