"""The findings of a text, which may state a fact: numerals, dates, quoted names, names that the registry knows.

Pure functions over texts; nothing here knows the database. What each kind is:

- **date**: a point or stretch of time (2023年, 今年3月, 日前, 今年以来, 年底前). It swallows the numerals within it.
  How long something lasts (24小时, 三年) is a numeral.
- **numeral**: Arabic or full-width digits, wherever they stand; an ordinal (第一次, 第十二次); and a Chinese numeral
  that counts: a compound one (二十, 十二工作法), or one before a measure word, a unit, 大, 余, 多 or 几 (五名, 三年).
  Its measure word belongs to it, because a number without its unit says nothing. Not counted are numerals in words
  (统一, 一方面, 进一步), those that number a list (一是), 一 behind a word that points (这一个, 另一道, 下一代), and
  doubled measure words (一桩桩).
- **quoted**: what stands within quotation marks or title marks, without them; unless it is speech: a stretch with a
  full stop, a question mark or an exclamation mark is somebody talking. What is quoted within it is found all the same.
- **name**: the longest of the known names at a place.

A single character is neither a quoted nor a known name: such would flood.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import ahocorasick_rs

Kind = Literal["numeral", "date", "quoted", "name"]
KINDS: tuple[Kind, ...] = ("numeral", "date", "quoted", "name")


@dataclass(frozen=True)
class Finding:
    """A stretch of a text that may state a fact. `records`: those that a known name can mean, as resource/key."""

    kind: Kind
    start: int
    end: int
    text: str
    records: tuple[str, ...] = ()


ARABIC = "[0-90-9]"
COUNT = "[几数一二两三四五六七八九十]"
DATE = re.compile(
    rf"""
    (?: {ARABIC}{{4}}年(?!代)度? | (?:[今去明本当]|(?<!提)前)年度? | 同年 )  # 2023年度, 去年
      (?: {ARABIC}{{1,2}}月 (?:{ARABIC}{{1,2}}[日号])? | [上下]半年 | 年?[初中底末] )?  # … 3月6日, … 年底
      (?: 以来 | 起 | 前后 | [之以]?[前后](?!任|沿) )?  # … 以来, … 前
    | {ARABIC}{{1,2}}月 (?:{ARABIC}{{1,2}}[日号])? | {ARABIC}{{1,2}}日(?!游)
    | (?: 十[一二]? | [一二三四五六七八九] )月份?
    | {ARABIC}{{4}}[-/.]{ARABIC}{{1,2}}[-/.]{ARABIC}{{1,2}}
    | [近这前]+{COUNT}*年来 | 过去的?{COUNT}+年[中里来]? | 年[初中底末]前?  # 这两年来, 年底前
    | [上本下]个?(?:月|周|季度) | [上下]半年
    | 今[天日晨晚] | 昨[天日晚] | 明[天日] | 当[天日](?!下) | 近日 | (?<![节生假次])日前 | 近期
    | 前不久 | 不久前 | 目前 | 如今 | 当前
    """,
    re.VERBOSE,
)
# Words that count. Those that mostly belong to ordinary words (方, 角, 步, 起, 线, 体, 分, 队, 村 ...) are left out.
# The longer of two that begin alike stands first.
MEASURE = (
    "大类|大|平方米|公里|公顷|公斤|米|亩|吨|元|美元|小时|分钟|个月|周年|周岁|年|岁|天|世纪|人次|个|名|位|家|所|项|次"
    "|场|条|件|种|类|座|处|间|栋|幢|支|批|届|期|本|册|份|篇|幅|张|套|组|轮|对|户|群|人|代|盘|枚|台|辆|驾|艘|架|道"
    "|桩|句|门|层|站|片|块|颗|棵|把|封|首|课|弄|号|倍|圈|部(?![分门])"
)
NUMERAL = re.compile(
    rf"""
    {ARABIC}+(?:[.,.]{ARABIC}+)*[百千万亿]*[%%‰]?[余多几]?(?:{MEASURE}|后)?
    | 第(?:{ARABIC}+|[一二三四五六七八九十百千]+)(?:{MEASURE})?
    | (?P<chinese> [一二两三四五六七八九十][〇零一二两三四五六七八九十百千万亿]* )
      (?P<about>[余多几])?(?P<measure>{MEASURE})?
    """,
    re.VERBOSE,
)
POINTING = "这那哪另每某任下上同统唯单专万"
QUOTES = {"“": "”", "‘": "’", "《": "》", "「": "」", "『": "』"}
SPEECH = re.compile("[。?!]")


def scan(body: str, names: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Return the findings of a text in reading order. `names`: known names, each with the records that it can mean."""
    dates = list(_dates(body))
    found = [*dates, *_numerals(body, dates), *_quoted(body), *_names(body, names)]
    return sorted(found, key=lambda finding: (finding.start, finding.end, KINDS.index(finding.kind)))


def _dates(body: str) -> Iterator[Finding]:
    for match in DATE.finditer(body):
        yield Finding("date", match.start(), match.end(), match[0])


def _numerals(body: str, dates: Sequence[Finding]) -> Iterator[Finding]:
    starts = [date.start for date in dates]
    for match in NUMERAL.finditer(body):
        before = bisect_right(starts, match.start()) - 1
        if before >= 0 and match.start() < dates[before].end:
            continue
        if match["chinese"] is None or _counts(body, match):
            yield Finding("numeral", match.start(), match.end(), match[0])


def _counts(body: str, match: re.Match[str]) -> bool:
    """Return whether a Chinese numeral counts something, and is not a part of a word."""
    numeral, measure = match["chinese"], match["measure"] or ""
    if len(numeral) > 1 and set(numeral) & set("十百千万亿"):
        return True
    if numeral == "一" and (body[match.start() - 1 : match.start()] or " ") in POINTING:
        return False
    is_doubled = numeral == "一" and bool(measure) and body.startswith(measure, match.end())
    return bool(measure or match["about"]) and not is_doubled


def _quoted(body: str) -> Iterator[Finding]:
    opened: list[int] = []
    for place, character in enumerate(body):
        if character in QUOTES:
            opened.append(place)
        elif opened and character == QUOTES[body[opened[-1]]]:
            start = opened.pop() + 1
            text = body[start:place]
            if len(text) > 1 and not SPEECH.search(text):
                yield Finding("quoted", start, place, text)


def _names(body: str, names: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    patterns = tuple(name for name in names if len(name) > 1)
    for index, start, end in _automaton(patterns).find_matches_as_indexes(body):
        yield Finding("name", start, end, patterns[index], tuple(names[patterns[index]]))


@lru_cache(maxsize=4)
def _automaton(patterns: tuple[str, ...]) -> ahocorasick_rs.AhoCorasick:
    """Return the automaton that finds all names in one pass; it is built again only when a name comes or goes."""
    return ahocorasick_rs.AhoCorasick(patterns, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest)
