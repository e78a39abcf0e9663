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
        pointer = re.fullmatch(r"((?:/items/\d+)?)/([^/]*).*", error["pointer"])
        assert pointer, error
        wanted.setdefault(pointer[1], []).append(pointer[2])
    for item, fields in wanted.items():
        given = body["items"][int(item.rpartition("/")[2])] if item else body
        names = [name for name in fields if name in given and name not in ("citations", "attestations")]
        if not names:
            return None
        given["citations"] = [*given.get("citations", []), saying(citable_models()[resource], given, names)]
    return body


def saying(model: type[Citable], values: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return a citation that says some values, as a body gives it; it makes its article."""
    supports = [_supported(model, name, values[name]) for name in names]
    told = zip(supports, (values[name] for name in names), strict=True)
    words = "，".join(filter(None, (words_of(model, name, value) for name, value in told))) + "。"
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


def say(record: Any) -> Citation:
    """Give a stored record one citation of a new article, whose attached text says its values."""
    stated = stated_values(record)
    words: list[str] = []
    read: dict[str, str] = {}
    for name in stated:
        field = _field(type(record), name)
        value = getattr(record, name)
        if getattr(field, "choices", None) or isinstance(field, models.BooleanField):
            read[name] = "测试"
        elif isinstance(field, models.ManyToManyField):
            words += map(str, value.all())
        elif isinstance(field, models.DecimalField):
            words.append(getattr(record, "as_written", "") or f"{value}分")
        elif isinstance(field, EDTFField):
            words.append(words_of(type(record), name, value))
        else:
            words.append(str(value))
            if field.is_relation:
                read[name] = "测试"
    text = "".join(f"{each}。" for each in words)  # no digit of a name stands beside a number
    names = [name for name in stated if not (name == "name" and getattr(record, "name_given", False))]
    found: Citation = CitationFactory(
        record=record,
        article=article_with(text),
        start=0,
        end=len(text),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        supports=names,
        read=read,
    )
    return found


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


def _supported(model: type[Citable], name: str, value: Any) -> str:
    """Return the field that a member of a body sets: of a party, the reference to its kind of record."""
    if name not in model.parties:
        return name
    resource = value["resource"] if isinstance(value, dict) else str(value).partition("/")[0]
    return next(key for key in model.parties[name] if _field(model, key).related_model.resource == resource)


def _name(target: Any, key: Any) -> str:
    if isinstance(key, dict):
        key = key.get("key") or key.get("code")
    resource, _slash, last = str(key).rpartition("/")
    model = citable_models()[resource] if resource else target
    return str(model._default_manager.get(**{model.key_field: last}))


def _field(model: type[Citable], name: str) -> Any:
    fields = (*model._meta.get_fields(), *model._meta.private_fields)
    return next((field for field in fields if field.name == name), None)
