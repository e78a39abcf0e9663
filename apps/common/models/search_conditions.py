"""Conditions under which a search term is found in a row."""

from collections.abc import Iterable
from typing import TypeAlias

from django.db import models
from django.db.models import ExpressionWrapper, F, Func, Q
from django.db.models.expressions import Combinable

from apps.common.values import pinyin

# A term as a condition compares it: a value, or the expression that stands for one.
Term: TypeAlias = str | Combinable


def clean_q(text: str) -> list[str]:
    """Split a search text into its normalised words; words that normalise to nothing are left out."""
    return [term for word in text.split() if (term := pinyin.normalise_term(word))]


def is_one_of(column: str, array: Combinable) -> Q:
    """Return the condition for rows whose column is in an array; `array` is an expression in brackets.

    Unlike IN with a subquery, which is asked of every row, it is looked up in the column's index.
    """
    found = Func(F(column), array, arg_joiner=" = ANY ", template="(%(expressions)s)")
    return Q(ExpressionWrapper(found, models.BooleanField()))


def found_in(ngrams: str, texts: Iterable[str], tsquery: Term, like: Term | None = None) -> Q:
    """Return the condition under which a term is found in the texts that a column of n-grams is of."""
    holds = Q(**{f"{ngrams}__hold": tsquery})
    return holds if like is None else holds & like_in(texts, like)


def like_in(texts: Iterable[str], like: Term) -> Q:
    """Return the condition under which one of the texts meets a pattern."""
    meets = Q()
    for text in texts:
        meets |= Q(**{f"{text}__like": like})
    return meets
