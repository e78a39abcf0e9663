"""The places in a record where the words of a search stand: a name, reading or text, and two offsets."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apps.common.models.records import citable_models
from apps.common.values.columns import PROSE
from apps.common.values.pinyin import normalise_term, search_key
from apps.registry import naming

CONTEXT = 60  # characters shown before and behind a word that stands in a longer text
READINGS = ("pinyin", "pinyin", "initials")  # the lines of a search key below the name

Match = dict[str, str | int | None]


def find(term: str, text: str) -> tuple[int, int] | None:
    """Return the offsets of a normalised term in a text as it is written; None for a text without it."""
    folded = [normalise_term(char) for char in text]
    at = "".join(folded).find(term)
    if at < 0:
        # Characters that are normalised only together, such as a letter and its accent, have no offsets of their own.
        return (0, len(text)) if term in normalise_term(text) else None
    origin = [place for place, chars in enumerate(folded) for _char in chars]
    return origin[at], origin[at + len(term) - 1] + 1


def matches(terms: Iterable[str], resource: str, details: Mapping[str, Any]) -> list[Match]:
    """Return the first place of each term, each place once."""
    places = [next(_places(term, resource, details), None) for term in terms]
    return [place for at, place in enumerate(places) if place and place not in places[:at]]


def _places(term: str, resource: str, details: Mapping[str, Any]) -> Iterator[Match]:
    # A name in words is made of other records, and says nothing of where the row itself is found.
    is_named = citable_models()[resource].row_name is None
    names = [("title" if resource == "articles" else "name", details["name"])] if is_named else []
    aliases = details.get("aliases") or (naming.spellings(details["name"]) if resource == "neighbourhoods" else [])
    names += [("alias", alias) for alias in aliases]
    for field, text in names:
        if span := find(term, text):
            yield _place(field, text, span)
    for _field, name in names:
        for field, reading in zip(READINGS, search_key(name).split("\n")[1:], strict=True):
            if (start := reading.find(term)) >= 0:
                yield {**_place(field, reading, (start, start + len(term))), "of": name}
    for field in PROSE:
        text = details.get(field) or ""
        if span := find(term, text):
            yield _place(field, text, span)


def _place(field: str, text: str, span: tuple[int, int]) -> Match:
    start, end = span
    first = max(start - CONTEXT, 0) if field in PROSE else 0
    last = end + CONTEXT if field in PROSE else len(text)
    return {"field": field, "text": text[first:last], "start": start - first, "end": end - first, "of": None}
