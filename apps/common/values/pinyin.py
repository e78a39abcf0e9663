"""Romanised names: what a list sorts by, a slug is made of and `?q=` is matched against.

Readings are Mandarin without tones. Decisions, where usage differs:

- ü after l and n is written yu (吕巷 Lyuxiang, 绿华 Lyuhua): GB/T 28039 for ASCII; the keyboard's lv is searchable too.
- a syllable that begins with a, o or e takes an apostrophe inside a word (Jing'an), but not in slugs and search keys.
- specific and generic part are two words (Wujiaochang Zhen, Quyanglu Jiedao); a specific part of one syllable is joined
  to a generic of one (Tangzhen, Miaozhen); a generic part frozen in a longer name stays in it (Jiangwanzhen Jiedao).
- the reading of a place is the one used in Shanghai (堡镇 Buzhen, 诸翟 Zhudi); 弄 is Nong, as most signs have it.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice
from typing import NamedTuple

from opencc import OpenCC
from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PINYIN_DICT
from pypinyin.seg import mmseg

# Readings that pypinyin's dictionary gets wrong, that only places have, or that a chance neighbour spoils (行路 in
# 殷行路).
PHRASES = {
    **{f"{first}行": f"{reading} hang" for first, reading in (
        ("殷", "yin"), ("闵", "min"), ("杨", "yang"), ("庙", "miao"), ("徐", "xu"), ("高", "gao"), ("庄", "zhuang"),
        ("陈", "chen"), ("朱", "zhu"), ("曹", "cao"), ("杜", "du"), ("张", "zhang"), ("陆", "lu"), ("南", "nan"),
        ("唐", "tang"), ("赵", "zhao"), ("卫", "wei"), ("盐", "yan"), ("米", "mi"), ("陈家", "chen jia"),
    )},
    **{f"行{second}村": f"hang {reading} cun" for second, reading in (("西", "xi"), ("南", "nan"), ("前", "qian"))},
    **{f"堡{second}": f"bu {reading}" for second, reading in (
        ("镇", "zhen"), ("北", "bei"), ("西", "xi"), ("港", "gang"), ("渔", "yu"), ("兴", "xing"),
    )},
    "朝阳": "chao yang",
    "行知": "xing zhi",
    "会稽": "kuai ji",
    "楼厦": "lou xia",
    "岑卜": "cen bu",
    "玉佛": "yu fo",
    "民乐": "min le",
    "民乐团": "min yue tuan",
    "秘书长": "mi shu zhang",
    "理事长": "li shi zhang",
    "六灶": "liu zao",
    "重固": "chong gu",
    "重华": "chong hua",
}  # fmt: skip
# Readings of characters that stand outside any word that pypinyin knows: in names of places and firms these prevail.
SINGLES = {
    "长": "chang",
    "朝": "chao",
    "莘": "xin",
    "都": "du",
    "晟": "sheng",
    "隽": "jun",
    "佛": "fo",
    "滧": "xiao",
}
# Second readings under which a name must also be found: what many people say, or type.
ALSO_TYPED = {"弄": "long", "堡": "bao"}

# Words that stand on their own wherever they occur in a name; "_" parts those that belong together.
_DISTRICTS = """
黄浦 徐汇 长宁 静安 普陀 闸北 虹口 杨浦 闵行 宝山 嘉定 金山 松江 青浦 奉贤 崇明
"""
_WORDS = """
上海 上海_市 上海_市委 中国 中华 中共 浦东_新区 川沙_新镇 崇明_县 新区 小镇 集镇 街道 地区 社区 小区 校区 园区 街区
城区 片区 生活区 营区 景区 矿区 工业区 工业_园区 产业_园区 科技_园区 农业_园区 开发区 度假区 旅游区 加工区 出口_加工区
试验区 示范区 商务区 保税 自由_贸易 高新_技术 新兴_技术 经济_技术 产业 高科技 现代 虚拟 城市 农场 林场 渔村 管委会
管理_委员会 管理站 管理处 居民_委员会 居委会 居委 居民区 村民_委员会 村委会 业主_委员会 委员会 专委会 办事处 办公室
人民_政府 人民_法院 政府 法院 检察院 公安局 公安 派出所 部队 支队 大队 中队 武警 消防 党委 党工委 党组 党组织 党总支
大总支 总支部 党支部 支部 机关 党建 党群 组织部 宣传部 统战部 教研部 教研室 党校 工会 团委 妇联 残联 共青团 联席_会议
联席会 分会 联盟 联合会 协会 学会 商会 基金会 促进会 大学 学院 高等 中学 小学 学校 幼儿园 附属 军医 医科 师范 理工
科技 财经 外国语 马克思_主义 体育 电力 设计 技术 物理 科学院 研究所 研究院 设计院 研究 医院 卫生 门诊部 服务 中心 事务
受理 文化 活动 健身 指导 志愿者 有限_公司 有限_责任_公司 股份_有限_公司 股份 集团 公司 企业 银行 支行 分行 商业 信息
发展 建设 物业 管理 咨询 教育 食品 图书馆 博物馆 美术馆 纪念馆 展览馆 体育馆 艺术 话剧 剧院 剧场 书房 公园 广场 花园
大楼 大厦 驿站 工作室 工作站 实验室 报社 日报 晚报 项目 计划 行动 品牌 区域化 睦邻 治理 创新 赋能 自治 共治 公益
长者 照护 养老
"""
_PARTED = {
    word.replace("_", ""): word.split("_")
    for word in [*_WORDS.split(), *(f"{name}_{end}" for name in _DISTRICTS.split() for end in ("区", "区委"))]
}
_NUMBER = "[零一二三四五六七八九十百千]+"
_WORD = re.compile("|".join([f"第{_NUMBER}", f"(?<=路){_NUMBER}(?=弄)", *sorted(_PARTED, key=len, reverse=True)]))
_PHRASE = re.compile("(" + "|".join(sorted(PHRASES, key=len, reverse=True)) + ")")
_GENERIC_ENDINGS = "区县市镇乡"
_LONGEST_UNSPLIT = 4
# Blanks and what is not seen, quotation marks, middle dots: they make no difference to who searches.
_IGNORED = re.compile(r"[\s\u200b-\u200f\u2060\ufeff'‘’\"“”„‟‚‛′″`´「」『』«»‹›《》〈〉·•・‧∙⋅●･᛫・]+")
_HAN = ((0x3400, 0xA000), (0x20000, 0x2FA20))


# Parts of names that are kept, as they come again in other names: places, forms of organisation; some 300 bytes each.
PARTS_KEPT = 8_192


class _Word(NamedTuple):
    """A word in the forms of which slug, pinyin and search key are put together: made once for each part of a name."""

    read: str  # syllables, or a run of Latin letters and digits, in lower case
    also: str  # the same, as some people type it
    shown: str
    first: str  # the first letters of the syllables, or the whole run in lower case


def _fold(text: str) -> str:
    """NFKC without the marks on Latin letters: Café -> Cafe."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _read(run: str) -> list[str]:
    """One syllable for each character of a run of Chinese characters."""
    syllables: list[str] = []
    for piece in _PHRASE.split(run):
        if piece in PHRASES:
            syllables += PHRASES[piece].split()
        else:
            for word in mmseg.seg.cut(piece):
                syllables += _read_word(word)
    return syllables


@cache  # as many as pypinyin's dictionary has words; it takes longer to read one than to find it here
def _read_word(word: str) -> tuple[str, ...]:
    if word in SINGLES:
        return (SINGLES[word],)
    read = lazy_pinyin(word, style=Style.NORMAL, v_to_u=False)
    return tuple(_fold(syllable).replace("v", "yu") for syllable in read)


def _split(run: str) -> Iterator[tuple[str, ...]]:
    """The words of a run of Chinese characters, grouped as they are read: there is no 市长 in 上海市长海医院."""
    end = 0
    for match in _WORD.finditer(run):
        if match.start() > end:
            yield _split_specific(run[end : match.start()], frozen=match.group() == "街道")
        yield tuple(_PARTED.get(match.group(), (match.group(),)))
        end = match.end()
    if end < len(run):
        yield _split_specific(run[end:])


@lru_cache(maxsize=PARTS_KEPT)
def _split_specific(text: str, *, frozen: bool = False) -> tuple[str, ...]:
    """The words of what stands between known words."""
    if len(text) > 2 and text[-1] in _GENERIC_ENDINGS and not frozen:
        return (*_split_specific(text[:-1], frozen=True), text[-1])
    if len(text) <= _LONGEST_UNSPLIT:
        return (text,)
    words: list[str] = []
    previous_is_single = False
    for word in mmseg.seg.cut(text):
        if len(word) == 1 and previous_is_single:
            words[-1] += word
        else:
            words.append(word)
        previous_is_single = len(word) == 1
    return tuple(words)


@lru_cache(maxsize=PARTS_KEPT)
def _read_group(group: tuple[str, ...]) -> tuple[_Word, ...]:
    """The words of a group with their readings."""
    syllables = iter(_read("".join(group)))
    words = []
    for word in group:
        parts = tuple(islice(syllables, len(word)))
        also = "".join(ALSO_TYPED.get(char, _keyboard(part)) for char, part in zip(word, parts, strict=True))
        first = "".join(part[:1] for part in parts)
        words.append(_Word("".join(parts).lower(), also.lower(), _display(parts), first))
    return tuple(words)


@lru_cache(
    maxsize=1024
)  # slug, pinyin and search key are made of one name: in a file, first the slugs of a batch of rows
def _words(name: str) -> tuple[_Word, ...]:
    words: list[_Word] = []
    for run in re.findall(r"[A-Za-z0-9]+|[^\x00-\x7f]+", _fold(name)):
        if run.isascii():
            words.append(_Word(run.lower(), run.lower(), run, run.lower()))
            continue
        # Characters without a reading (kana, emoji, marks) separate words and are left out.
        readable = "".join(char if ord(char) in PINYIN_DICT else " " for char in run)
        for group in (group for han in readable.split() for group in _split(han)):
            words += _read_group(group)
    return tuple(words)


def _keyboard(syllable: str) -> str:
    return syllable.replace("lyu", "lv").replace("nyu", "nv")


def romanise(name: str) -> str:
    """The name for reading and sorting, in ASCII: 静安区 -> "Jing'an Qu". Empty when nothing in it can be read."""
    return " ".join(word.shown for word in _words(name))


def _display(parts: tuple[str, ...]) -> str:
    first, *rest = parts
    return first.capitalize() + "".join(f"'{part}" if part[0] in "aoe" else part for part in rest)


def initials(name: str) -> str:
    """The first letters, Latin letters and digits whole: 五角场镇 -> "wjcz", 360公司 -> "360gs"."""
    return "".join(word.first for word in _words(name))


def slugify_name(name: str, max_length: int = 80) -> str:
    """An ASCII slug, cut between words where possible: 五角场镇 -> "wujiaochang-zhen"."""
    words = [word.read for word in _words(name)]
    if not words:
        raise ValueError(f"no slug can be made of the name {name!r}")
    slug = words[0][:max_length]
    for word in words[1:]:
        if len(slug) + 1 + len(word) > max_length:
            break
        slug += f"-{word}"
    return slug


@cache
def _simplified() -> dict[int, str]:
    """Return the simplified character for each traditional one and variant.

    One by one, not by words as OpenCC does for readers: a part of a name must have the form that it has in the name.
    """
    convert = OpenCC("t2s").convert
    characters = [chr(code) for first, last in _HAN for code in range(first, last)]
    plain = dict(zip(characters, convert("\n".join(characters)).split("\n"), strict=True))
    # A second time, for the few that come by way of another.
    return {ord(char): plain.get(form, form) for char, form in plain.items() if char != form}


def normalise_term(term: str) -> str:
    """Return a text in the form in which it is searched.

    Width, case, traditional or simplified, blanks, quotes and middle dots do not count.
    """
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", term).casefold())
    return _IGNORED.sub("", text.translate(_simplified())).replace("ü", "v")


def search_key(name: str) -> str:
    """Return what normalised terms are looked for in, four lines: name, pinyin, what else is typed for it, initials."""
    words = _words(name.translate(_simplified()))
    pinyin = "".join(word.read for word in words)
    also = "".join(word.also for word in words)
    first = "".join(word.first for word in words)
    return "\n".join([normalise_term(name), pinyin, "" if also == pinyin else also, first])
