"""How a name in an article meets an official name of a neighbourhood.

Articles write 国定一居民区, 翔殷路491弄居民区, 浣纱六村党支部; the register has 国定一居委会, 翔殷路四九一弄居委会,
浣纱六村居委会. Both are brought to one key; whether an ambiguous or missing match will do is the caller's decision.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

# What a body is called, not which one it is. Stripped from the end, again and again: 开元小区社区居委会 is 开元.
_BODY = re.compile(
    "(?:居民委员会|居委会|居委|居民区|社区|小区|村民委员会|村委会"
    "|党总支部委员会|党支部委员会|总支部委员会|党总支部|党总支|大总支|总支部|党支部|党组织|党委|总支|支部)$"
)
_VILLAGE_COMMITTEE = ("村民委员会", "村委会")
_RESIDENTS_COMMITTEE = ("居民委员会", "居委会", "居委", "居民区")

_DIGITS = "零一二三四五六七八九"
_ARABIC = str.maketrans("0123456789〇", _DIGITS + "零")
_FIGURES = str.maketrans(_DIGITS, "0123456789")
_NUMERAL = re.compile(f"[{_DIGITS}十百千]+")
_POSITIONAL = re.compile("(?:(D)千)?(?:零?(D)百)?(?:零?(D)?(十))?零?(D)?".replace("D", f"[{_DIGITS[1:]}]"))


def match_key(name: str) -> str:
    """The form in which all ways to write a neighbourhood's name are equal. Idempotent, never empty."""
    text = unicodedata.normalize("NFKC", name).casefold().replace("(筹)", "").translate(_ARABIC)
    # Numerals before punctuation, as 八、九、十村 is three numbers; and after, for those that brackets broke.
    key = _plain_numerals("".join(char for char in _plain_numerals(text) if char.isalnum()))
    if not key:
        raise ValueError(f"nothing in the name {name!r} can be matched")
    while (shorter := _without_body(key)) != key:
        key = shorter
    return key


def _without_body(key: str) -> str:
    stem = _BODY.sub("", key)
    if not stem:
        return key
    if key.endswith(_VILLAGE_COMMITTEE) and not stem.endswith("村"):
        return stem + "村"  # 三泉村委会 is short for 三泉村村委会
    return stem


def _plain_numerals(text: str) -> str:
    """四百九十一 and 四九一 -> 四九一: the register itself writes house numbers both ways (九十九弄, 二九九弄)."""
    return _NUMERAL.sub(lambda match: _digit_by_digit(match.group()), text)


def _digit_by_digit(numeral: str) -> str:
    match = _POSITIONAL.fullmatch(numeral)
    if match is None or not re.search("[十百千]", numeral):
        return numeral
    thousands, hundreds, tens, ten, ones = match.groups()
    if ten and not tens:
        tens = "一"
    value = int("".join(str(_DIGITS.index(digit)) if digit else "0" for digit in (thousands, hundreds, tens, ones)))
    return str(value).translate(_ARABIC)


def spellings(name: str) -> list[str]:
    """The other ways in which people write the name: 翔殷路四九一弄居委会 is also 翔殷路491弄居民区."""
    text = unicodedata.normalize("NFKC", name)
    written = [text, _NUMERAL.sub(lambda match: _digit_by_digit(match.group()).translate(_FIGURES), text)]
    if not text.endswith(_VILLAGE_COMMITTEE):
        written += [re.sub("(?:居民委员会|居委会|居委)$", "居民区", spelling) for spelling in written]
    return [spelling for spelling in dict.fromkeys(written) if spelling != text]


def by_match_key(names: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The candidates of `resolve`, from pairs of code and official name."""
    codes: defaultdict[str, list[str]] = defaultdict(list)
    for code, name in names:
        codes[match_key(name)].append(code)
    return {key: tuple(found) for key, found in codes.items()}


def resolve(name: str, candidates: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All neighbourhoods that the name can mean; where it says which kind of committee, only those if there are any."""
    try:
        codes = tuple(candidates.get(match_key(name), ()))
    except ValueError:
        return ()
    village = says_village(name)
    return tuple(code for code in codes if village is not None and _is_village(code) == village) or codes


def says_village(name: str) -> bool | None:
    """Return whether a name means a village committee; None for a name that gives no kind."""
    text = unicodedata.normalize("NFKC", name)
    if any(word in text for word in _VILLAGE_COMMITTEE):
        return True
    if any(word in text for word in _RESIDENTS_COMMITTEE):
        return False
    return None


def _is_village(code: str) -> bool:
    """In the statistical codes, committees of villages are numbered from 200 to 399 within their street."""
    return code[9:10] in ("2", "3")
