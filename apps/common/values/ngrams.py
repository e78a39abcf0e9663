"""How text is searched: stored n-grams of its normal form, the queries on them, and what comes near a misspelt term.

A searched column holds text in normal form (`pinyin.normalise_term`), each line between two newlines. Beside it the
database keeps a `tsvector` of all 1- and 2-grams of the lines, ends of lines included, and of the 3-grams in ASCII,
under a GIN index. One and two characters are found by the index alone; a longer term is looked for in the rows that
hold the n-grams which cover it. A trigram index (pg_trgm) is slower than none for two characters, and most Chinese
words have two; two letters of pinyin, on the other hand, choose nothing, so that they have 3-grams too.
"""

from collections.abc import Iterable

END = "\n"  # parts the lines of a searched column; no normalised term holds it
WHOLE = 2  # characters up to which a term is itself an n-gram


def ngrams_sql(*texts: str) -> str:
    """Return the SQL expression for the n-grams of texts, which are SQL themselves."""
    text = " || ".join(texts)
    return f"""coalesce((
        SELECT array_to_tsvector(
            array_agg(a) || array_agg(a || b) FILTER (WHERE b IS NOT NULL)
            || array_agg(a || b || c) FILTER (WHERE octet_length(a || b || c) = 3))
        FROM (SELECT string_to_array(nullif({text}, ''), NULL) AS chars) AS source,
             unnest(chars, chars[2:], chars[3:]) AS gram(a, b, c)
    ), ''::tsvector)"""  # noqa: S608 - names of columns


def ngrams(text: str) -> list[str]:
    """Return the n-grams that cover a piece of a searched column; each stands in the index.

    They do not overlap, but for the last: more of them would cost more than they sift out.
    """
    size = min(len(text), 3 if text.isascii() else WHOLE)
    starts = [*range(0, len(text) - size, size), len(text) - size]
    return list(dict.fromkeys(text[at : at + size] for at in starts))


def every(grams: Iterable[str]) -> str:
    """Return the tsquery for rows that hold all of the n-grams, whatever characters these have."""
    return " & ".join("'" + gram.replace("\\", "\\\\").replace("'", "''") + "'" for gram in grams)


def pattern(text: str, before: str = "%", after: str = "%") -> str:
    """Return the LIKE pattern for a text, none of whose characters has a meaning of its own in it."""
    return before + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + after


def term_parameters(term: str) -> tuple[str, str | None]:
    """Return what `Citable.search_condition` takes for a normalised term: the tsquery, and a LIKE pattern if needed.

    The shape of the condition hangs on nothing but whether there is a pattern, so that its SQL can be kept.
    """
    return every(ngrams(term)), None if len(term) <= WHOLE else pattern(term)


def nearby(terms: Iterable[str]) -> str:
    """Return the tsquery for rows that may hold one of the terms with one character wrong, missing or too many.

    The characters on either side of the one that is wrong still stand in the row.
    """
    alternatives = {
        every(dict.fromkeys(gram for part in (term[:at], term[at + 1 :]) if part for gram in ngrams(part)))
        for term in terms
        if len(term) > 1
        for at in range(len(term))
    }
    return " | ".join(f"({alternative})" for alternative in sorted(alternatives))


def edits(term: str, line: str) -> int:
    """Return how many characters must change in a term for it to stand somewhere in a line (Sellers' algorithm)."""
    costs = [0] * (len(line) + 1)
    for row, wanted in enumerate(term, 1):
        diagonal, costs[0] = costs[0], row
        for column, char in enumerate(line, 1):
            diagonal, costs[column] = (
                costs[column],
                min(diagonal + (char != wanted), costs[column] + 1, costs[column - 1] + 1),
            )
    return min(costs)
