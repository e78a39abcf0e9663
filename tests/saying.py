"""An article that says what a body of a write gives, and the citation of it: the evidence that a good write needs."""

import copy
import hashlib
import re
from itertools import count
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.db import models

from apps.common.models.records import Citable, citable_models
from apps.common.rules.evidence import stated_values
from apps.common.values.columns import EDTFField
from apps.evidence.models import Article, Citation
from tests.factories import ArticleFactory, CitationFactory

NUMBERS = count(1)


def evidence_for(body: Any, resource: str, errors: list[dict[str, str]]) -> Any:
    """Return the body of a refused write with a citation for each value that was found to have no evidence.

    The citations are of one new article, whose text is attached and says the values. None where something else is
    wrong with the body, too.
    """
    if not errors or any(error["code"] != "no_evidence" for error in errors):
        return None
    body = copy.deepcopy(body)
    wanted: dict[str, list[str]] = {}
    for error in errors:
        item, field = re.fullmatch(r"((?:/items/\d+)?)/([^/]*).*", error["pointer"]).groups()  # type: ignore[union-attr]
        wanted.setdefault(item, []).append(field)
    for item, fields in wanted.items():
        given = body["items"][int(item.rpartition("/")[2])] if item else body
        names = [name for name in fields if name in given and name not in ("citations", "attestations")]
        if not names:
            return None
        given["citations"] = [*given.get("citations", []), saying(citable_models()[resource], given, names)]
    return body


def saying(model: type[Citable], values: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return a citation that says some values, as a body gives it; it makes its article."""
    party = {key: name for name, keys in model.parties.items() for key in keys}
    supports = [key for name in names for key in model.parties.get(name, (name,))]
    words = "，".join(filter(None, (words_of(model, party.get(name, name), values[name]) for name in names))) + "。"
    article = article_with(words)
    choices = [name for name in names if getattr(_field(model, name), "choices", None)]
    return {
        "article": article.key,
        "start": 0,
        "end": len(words),
        "quotation": words,
        "supports": supports,
        **({"read": dict.fromkeys(choices, "测试")} if choices else {}),
    }


def say(record: Citable) -> Citation:
    """Give a stored record a citation that says all its values, of a new article with its text attached."""
    model = type(record)
    names = sorted(stated_values(record))
    body = saying(model, {name: _given(record, name) for name in names}, names)
    found: Citation = CitationFactory(
        record=record,
        article=Article.objects.get(slug=body["article"]),
        start=body["start"],
        end=body["end"],
        sha256=hashlib.sha256(body["quotation"].encode()).hexdigest(),
        supports=names,
        read=body.get("read", {}),
    )
    return found


def _given(record: Citable, name: str) -> Any:
    """Return a value of a record as a body gives it."""
    field, value = _field(type(record), name), getattr(record, name)
    if isinstance(field, models.ManyToManyField):
        return [row.key for row in value.all()]
    if isinstance(field, GenericForeignKey):
        return f"{value.resource}/{value.key}"
    return value.key if isinstance(value, Citable) else value


def article_with(words: str) -> Article:
    """Return a new article whose body is some words, with its text attached."""
    digest = hashlib.sha256(words.encode()).hexdigest()
    article: Any = ArticleFactory(
        slug=f"saying-{next(NUMBERS)}-{digest[:8]}",
        captured_sha256=digest,
        body_start=0,
        body_end=len(words),
        body_sha256=digest,
    )
    article_text = article._meta.get_field("text").related_model
    article_text.objects.create(article=article, captured=words)
    return article


def words_of(model: type[Citable], name: str, value: Any) -> str:
    """Return words that say a value."""
    field = _field(model, name)
    if isinstance(field, EDTFField):
        year, *rest = str(value).partition("/")[0].strip("~?").split("-")
        return year + "年" + "".join(f"{int(part)}{unit}" for part, unit in zip(rest, "月日", strict=False))
    if isinstance(field, models.ForeignKey | models.ManyToManyField | GenericForeignKey):
        target = getattr(field, "related_model", None)
        return "、".join(_name(target, key) for key in (value if isinstance(value, list) else [value]))
    return str(value)


def _name(target: Any, key: Any) -> str:
    if isinstance(key, dict):
        key = key.get("key") or key.get("code")
    resource, _slash, last = str(key).rpartition("/")
    model = citable_models()[resource] if resource else target
    return str(model._default_manager.get(**{model.key_field: last}))


def _field(model: type[Citable], name: str) -> Any:
    fields = (*model._meta.get_fields(), *model._meta.private_fields)
    return next((field for field in fields if field.name == name), None)
