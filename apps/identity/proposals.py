# ruff: noqa: S608 - statements are made of our own names; every value is a parameter
"""Pairs of records that may be one: found by equal keys in one statement, scored and explained, the likeliest first.

Equal are the normal form of a name or of another name, its pinyin, what is left of it without the words for what kind
of thing it is, or the body of a unified social credit code. Two that have different places, belong to different
wholes or began at different times are not proposed, nor is a part beside its whole.
"""

from collections.abc import Iterable
from typing import cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import QuerySet
from django.utils.functional import Promise as StrPromise
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import NamedRecord, citable_models
from apps.common.rules.territory import Reader
from apps.common.values.ngrams import END
from apps.identity.likelihood import Likelihood, Side, compare
from apps.identity.models import Distinction
from apps.registry.likeness import ENDING, FRONT
from apps.registry.models import Identifier, MemberUnit, UnitName

MOST = 1000  # pairs that are looked at; those with the strongest key come first
FLOOR = 60.0
REASONS: dict[str, StrPromise] = {
    "identifier": _("one organisation by their credit codes"),
    "name": _("same name"),
    "like_name": _("similar names"),
    "pinyin": _("names that sound alike"),
    "alias": _("the name of one is another name of the other"),
    "aliases": _("both have the same other name"),
    "core": _("same name but for the kind of thing"),
    "place": _("same place"),
    "parent": _("parts of the same"),
    "date": _("same date"),
    "other_kind": _("different kinds"),
    "other_identifier": _("different credit codes"),
    "other_parent": _("parts of different things"),
}
# What must not contradict: equal, or not stated for one of the two.
AGREEING = ("parent_id", "district_id", "street_id", "neighbourhood_id", "project_id", "alliance_id", "unit_id")
# The keys, the most significant first.
CODE, NAME, PINYIN, CORE = range(4)


def models() -> dict[str, type[NamedRecord]]:
    """Return the kinds of record for which pairs are proposed, by resource."""
    found = {name: model for name, model in citable_models().items() if model.proposed_by_name}
    return cast("dict[str, type[NamedRecord]]", found)


def proposals(
    resource: str, rows: QuerySet, offset: int, limit: int
) -> tuple[list[tuple[Side, Side, Likelihood]], int]:
    """Return a page of the pairs among some rows of a resource, and how many pairs there are."""
    pairs = candidates(resource, rows)
    model = models()[resource]
    sides = load(model, {pk for pair in pairs for pk in pair})
    rated = [(sides[first], sides[second]) for first, second in pairs if first in sides and second in sides]
    found = [(first, second, compare(first, second)) for first, second in rated]
    found = [item for item in found if item[2].score >= FLOOR]
    found.sort(key=lambda item: (-item[2].score, item[0].name, item[0].pk, item[1].pk))
    return found[offset : offset + limit], len(found)


def candidates(resource: str, rows: QuerySet) -> list[tuple[int, int]]:
    """Return pairs of rows, as primary keys in order, that share a key and do not contradict each other."""
    model = models()[resource]
    within, params = rows.order_by().values("pk").query.sql_with_params()
    table = connection.ops.quote_name(model._meta.db_table)
    keys = _keys(model)
    keyed = " UNION ALL ".join(text for text, _params in keys)
    told_apart = (
        f"SELECT FROM {Distinction._meta.db_table} AS d"
        " WHERE d.content_type_id = %s AND d.first_id = a.id AND d.second_id = b.id"
    )
    # By a number, not by the text, whose comparison follows the rules of a language.
    sql = f"""
        WITH mine AS MATERIALIZED (SELECT {", ".join(_columns(model))} FROM {table} WHERE id IN ({within})),
        keyed AS MATERIALIZED (
            SELECT id, kind, hashtextextended(key, 0) AS key FROM ({keyed}) AS k (id, kind, key)
            WHERE length(key) >= CASE kind WHEN {PINYIN} THEN 6 ELSE 3 END
        ),
        shared AS (SELECT kind, key FROM keyed GROUP BY kind, key HAVING min(id) < max(id)),
        bearer AS MATERIALIZED (SELECT DISTINCT id, kind, key FROM keyed JOIN shared USING (kind, key))
        SELECT a.id, b.id FROM bearer AS one JOIN bearer AS other USING (kind, key)
        JOIN mine AS a ON a.id = one.id JOIN mine AS b ON b.id = other.id
        WHERE one.id < other.id {"".join(f" AND {condition}" for condition in _agreeing(model))}
        AND NOT EXISTS ({told_apart})
        GROUP BY a.id, b.id ORDER BY min(kind), a.id, b.id LIMIT {MOST}
    """
    kind = ContentType.objects.get_for_model(model).pk
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, *(value for _text, values in keys for value in values), kind])
        return [(first, second) for first, second in cursor.fetchall()]


def _keys(model: type[NamedRecord]) -> list[tuple[str, list[str]]]:
    """Return the statements for the keys of the rows `mine`, each with its parameters."""
    line = "split_part({}search_text, %s, 2)"  # the searched column holds the name, its pinyin and its initials
    core = f"regexp_replace(regexp_replace({line.format('')}, %s, ''), %s, '')"
    keys = [
        (f"SELECT id, {NAME}, {line.format('')} FROM mine", [END]),
        (f"SELECT id, {PINYIN}, split_part(search_text, %s, 3) FROM mine", [END]),
        (f"SELECT id, {CORE}, {core} FROM mine", [END, FRONT, ENDING]),
    ]
    if model is MemberUnit:
        names, codes = UnitName._meta.db_table, Identifier._meta.db_table
        named = f"SELECT n.unit_id, {NAME}, {line.format('n.')} FROM {names} AS n JOIN mine ON mine.id = n.unit_id"
        coded = f"SELECT c.unit_id, {CODE}, substr(c.value, 9, 9) FROM {codes} AS c JOIN mine ON mine.id = c.unit_id"
        keys += [(named, [END]), (f"{coded} WHERE c.scheme = 'uscc'", [])]
    return keys


def _begins(model: type[NamedRecord]) -> str:
    own = {field.name for field in model._meta.concrete_fields}
    return model.begins_field or ("held_on" if "held_on" in own else "")


def _columns(model: type[NamedRecord]) -> list[str]:
    own = {str(field.column) for field in model._meta.concrete_fields}
    dates = [f"{_begins(model)}_{end}" for end in ("earliest", "latest")] if _begins(model) else []
    return ["id", "search_text", *(name for name in AGREEING if name in own), *dates]


def _agreeing(model: type[NamedRecord]) -> Iterable[str]:
    own = set(_columns(model))
    for column in AGREEING:
        if column in own:
            yield f"(a.{column} = b.{column} OR a.{column} IS NULL OR b.{column} IS NULL)"
    if "parent_id" in own:
        yield "a.parent_id IS DISTINCT FROM b.id AND b.parent_id IS DISTINCT FROM a.id"
    if begins := _begins(model):
        earliest, latest = f"{begins}_earliest", f"{begins}_latest"
        yield f"NOT coalesce(a.{earliest} > b.{latest} OR b.{earliest} > a.{latest}, false)"


def load(model: type[NamedRecord], pks: set[int]) -> dict[int, Side]:
    """Return rows as they are compared: four statements at most."""
    if not pks:
        return {}
    own = {field.name for field in model._meta.concrete_fields}
    places = [name for name in ("district", "street", "neighbourhood") if name in own]
    begins = _begins(model)
    columns = ["pk", "slug", "name", *(name for name in ("kind", "parent__slug") if name.partition("__")[0] in own)]
    columns += [*places, *((f"{begins}_earliest", f"{begins}_latest") if begins else ())]
    aliases: dict[int, set[str]] = {}
    codes: dict[int, set[str]] = {}
    if model is MemberUnit:
        for pk, name in UnitName.objects.filter(unit__in=pks).values_list("unit", "name"):
            aliases.setdefault(pk, set()).add(name)
        for pk, scheme, value in Identifier.objects.filter(unit__in=pks).values_list("unit", "scheme", "value"):
            codes.setdefault(pk, set()).add(f"{scheme}:{value}")
    return {
        row["pk"]: Side(
            pk=row["pk"],
            key=row["slug"],
            name=row["name"],
            kind=row.get("kind") or "",
            aliases=frozenset(aliases.get(row["pk"], ())),
            codes=frozenset(codes.get(row["pk"], ())),
            places=frozenset(f"{name}/{row[name]}" for name in places if row[name]),
            parent=row.get("parent__slug") or "",
            begun=(row[f"{begins}_earliest"], row[f"{begins}_latest"]) if begins else (None, None),
        )
        for row in model._base_manager.filter(pk__in=pks).order_by().values(*columns)
    }


def editable(model: type[NamedRecord], user: Reader) -> QuerySet:
    """Return the rows of a kind that a user may edit."""
    return model.rows().editable_by(user)


def tell_apart(
    first: NamedRecord, second: NamedRecord, *, reason: str, by: AbstractBaseUser | AnonymousUser
) -> Distinction:
    """Remember that two records are not one; the last reason counts."""
    low, high = sorted((first.pk, second.pk))
    found, _made = Distinction.objects.update_or_create(
        content_type=ContentType.objects.get_for_model(first),
        first_id=low,
        second_id=high,
        defaults={"reason": reason, "by_id": by.pk},
    )
    return found
