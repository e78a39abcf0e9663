"""Whether a span says a value, and how: `check(field, value, words, context)`. Pure: values in, verdict out."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

from apps.evidence.levels.cue_words import CUES
from apps.evidence.levels.cues import Cues, check_choice, check_truth
from apps.evidence.levels.dates import check_date
from apps.evidence.levels.names import gist, is_shared, is_written, is_written_but_for_time, normalise
from apps.evidence.levels.numbers import Number, numbers
from apps.evidence.levels.references import DIVISIONS, check_references, short_forms
from apps.evidence.levels.scripts import fold
from apps.evidence.levels.verdicts import NOT_SAID, Context, FieldKind, FieldRule, Level, Verdict


def check(rule: FieldRule, value: object, words: str, context: Context, cues: Cues = CUES) -> Verdict:
    """Return the level at which the words of a span say the value of a field; none where they do not.

    `value` is what the registry holds: a number, a text, a date as {value, wording, relative_to}; of references
    only whether there is one, for `context.targets` says which. `gives` is what the words give instead.
    """
    if value in (None, "", [], {}, False):
        return NOT_SAID
    if rule.kind == FieldKind.OWN:
        return Verdict(Level.OWN_WORDS) if words.strip() else NOT_SAID
    if not words.strip():
        return NOT_SAID
    if rule.kind == FieldKind.CHOICE:
        return check_choice(rule, value, words, context, cues)
    if rule.kind == FieldKind.NAME and rule.model in DIVISIONS and (verdict := _check_division(rule, value, words)):
        return verdict
    return CHECKS[rule.kind](value, words, context)


# A notation that the registry keeps a text in, and the words that give it.
NOTATIONS = {"24/7": ("24小时", "二十四小时", "全天候")}


def _check_name(value: object, words: str, context: Context) -> Verdict:
    name = str(value)
    if is_written(name, words):
        return Verdict(Level.LITERAL, name)
    is_derived = (
        any(told in fold(words) for told in NOTATIONS.get(name, ()))
        or is_shared(name, words)
        or is_written_but_for_time(name, words)
    )
    return Verdict(Level.DERIVED if is_derived else None, gist(words))


def _check_division(rule: FieldRule, value: object, words: str) -> Verdict:
    """Return how words name a division, whose name is that of the gazetteer: 国定一居民区 for 国定一居民委员会."""
    text = normalise(words)
    if normalise(str(value)) in text:
        return Verdict(Level.LITERAL)
    return Verdict(Level.DERIVED) if any(form in text for form in short_forms(rule.model, str(value))) else NOT_SAID


def _check_list(value: object, words: str, context: Context) -> Verdict:
    items = value if isinstance(value, list | tuple) else [value]
    is_whole = all(is_written(str(item), words) for item in items)
    return Verdict(Level.LITERAL) if is_whole else Verdict(None, gist(words))


def _check_number(value: object, words: str, context: Context) -> Verdict:
    return _check_figure(words, context, lambda number: number.value == _decimal(value))


def _check_comparator(value: object, words: str, context: Context) -> Verdict:
    return _check_figure(words, context, lambda number: number.comparator == value)


def _check_unit(value: object, words: str, context: Context) -> Verdict:
    return _check_figure(words, context, lambda number: number.unit == value)


def _check_figure(words: str, context: Context, is_it: Callable[[Number], bool]) -> Verdict:
    """Return how words say a part of a figure: of the number that stands where the figure's own words stand."""
    given = numbers(words)
    shown = ", ".join(map(str, given))
    as_written = str(context.record.get("as_written") or "")
    if as_written:
        place = words.find(as_written)
        if place < 0:
            return Verdict(None, shown)
        given = tuple(number for number in given if place <= number.start < place + len(as_written))
    return Verdict(Level.DERIVED if any(map(is_it, given[:1] if as_written else given)) else None, shown)


def _decimal(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


CHECKS: Mapping[FieldKind, Callable[[object, str, Context], Verdict]] = {
    FieldKind.NUMBER: _check_number,
    FieldKind.COMPARATOR: _check_comparator,
    FieldKind.UNIT: _check_unit,
    FieldKind.DATE: check_date,
    FieldKind.NAME: _check_name,
    FieldKind.TEXT: _check_name,
    FieldKind.LIST: _check_list,
    FieldKind.TRUTH: lambda value, words, context: check_truth(words, context),
    FieldKind.REFERENCE: lambda value, words, context: check_references(words, context),
    FieldKind.REFERENCES: lambda value, words, context: check_references(words, context),
}
