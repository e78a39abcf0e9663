"""Whether a name stands in words: whole, after what does not tell names apart was taken away. Pure."""

import re

from apps.evidence.levels.scripts import fold, remembered

# Quotes, middle dots and blanks of all kinds; brackets stay, for they hold part of a name.
_NOISE = re.compile(r"[\s“”‘’\"'「」『』《》〈〉·・•‧∙⋅]")
# A bar over a name that was removed. Its length tells apart who bore the name, and says nothing else.
_BAR = re.compile("■+")
_LINKS = str.maketrans({"，": ",", "；": ";", "：": ":", "—": "-", "–": "-", "―": "-"})
# What may stand between the items of an enumeration and the word that all of them share: 部队、学校等5个联席分会.
_ITEMS = r"(?:、[^、,。;:]{1,30})*(?:等)?(?:[0-9一二三四五六七八九十百两]{1,4}[个所家大项类支](?:事业单位|单位)?)?"


@remembered
def normalise(text: str) -> str:
    """Return a text without quotes, middle dots and blanks, in half-width forms and simplified characters."""
    return _BAR.sub("■", _NOISE.sub("", fold(text)).translate(_LINKS).casefold())


def is_written(name: str, words: str) -> bool:
    """Return whether the whole name stands in the words."""
    wanted = normalise(name)
    return bool(wanted) and wanted in normalise(words)


def is_shared(name: str, words: str) -> bool:
    """Return whether an enumeration gives the name: 部队、学校等5个联席分会 gives 部队联席分会."""
    wanted, text = normalise(name), normalise(words)
    if "、" not in text or len(wanted) < 4:
        return False
    for cut in range(len(wanted) - 2, 1, -1):
        head, tail = wanted[:cut], wanted[cut:]
        for place in _starts(head, text):
            if re.match(_ITEMS + re.escape(tail), text[place + len(head) :]):
                return True
    return False


def _starts(head: str, text: str) -> list[int]:
    """Return where an item stands that begins an enumeration's item."""
    return [match.start() for match in re.finditer(re.escape(head) + "(?=[、等0-9一二三四五六七八九十两])", text)]


# What tells when somebody held an office, and belongs to no name: 碧波路居民区原党支部书记.
_FORMERLY = re.compile("原|时任|现任|前任")


def is_written_but_for_time(name: str, words: str) -> bool:
    """Return whether a name stands in the words once 原 and the like are left out."""
    wanted = normalise(name)
    return bool(wanted) and wanted in _FORMERLY.sub("", normalise(words))


def gist(words: str, most: int = 40) -> str:
    """Return words as a message shows them: on one line, and not too long."""
    line = " ".join(words.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
