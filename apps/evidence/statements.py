"""Who says what of a record: every statement that evidence makes of it, those that stand and those that do not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from apps.common.models.records import Citable
from apps.common.models.targets import Target
from apps.common.rules.evidence import stated_values
from apps.common.rules.territory import Reader
from apps.common.serializers.targets import load_targets
from apps.common.values.json import JsonValue
from apps.evidence.models import Attestation, Citation

End = tuple[int, int]  # the content type and the key of a record


@dataclass(frozen=True)
class RecordStatement:
    """What one piece of evidence says of one field.

    `stands`: the record has this value and the evidence was not retracted; otherwise `superseded_by` is the evidence,
    if any, by which the present value stands.
    """

    field: str
    value: JsonValue
    by: Target
    evidence: Citation | Attestation
    kind: str
    level: str
    stands: bool
    superseded_by: Citation | Attestation | None

    @property
    def resource(self) -> str:
        """The resource of the evidence."""
        return self.evidence.resource

    @property
    def key(self) -> str:
        """The key of the evidence, which is the statement's own address."""
        return self.evidence.key


def statements_of(record: Citable, user: Reader) -> list[RecordStatement]:
    """Return the statements about a record in the order of its fields, those that stand first, as a user may see them.

    A reference to a record that the user may not see is null.
    """
    stated = stated_values(record)
    given: list[Citation | Attestation] = [
        *record.citations.select_related("article").order_by("article__slug", "start", "end"),
        *record.attestations.order_by("created_at", "slug"),
    ]
    fields = {field.name: field for field in (*_fields(type(record)),)}
    said = [
        (each, name, each.says[name]) for each in given for name in each.supports if each.says.get(name) is not None
    ]
    ends = {end for each, name, value in said for end in _ends(fields[name], value)}
    parties = {each.pk: _end_of(each.party) for each in given if isinstance(each, Attestation)}
    targets = load_targets([*ends, *parties.values()], user)
    standing = {name: each for each, name, value in said if _stands(each, name, value, stated, record)}  # the newest
    found = []
    for each, name, value in said:
        stands = _stands(each, name, value, stated, record)
        by = _article_of(each) if isinstance(each, Citation) else targets.get(parties[each.pk])
        if by is not None:
            other = None if stands else standing.get(name)
            shown = _shown(fields[name], value, targets)
            kind = "citation" if isinstance(each, Citation) else each.kind
            found.append(RecordStatement(name, shown, by, each, kind, each.levels.get(name, ""), stands, other))
    order = {name: number for number, name in enumerate(fields)}
    return sorted(found, key=lambda each: (order[each.field], not each.stands))


def _stands(
    evidence: Citation | Attestation, name: str, value: object, stated: dict[str, Any], record: Citable
) -> bool:
    if isinstance(evidence, Attestation) and evidence.retracted_at is not None:
        return False
    return name in stated and (stated[name] == value or name in record.own_words)


def _fields(model: type[Citable]) -> Iterator[Any]:
    yield from (*model._meta.concrete_fields, *model._meta.many_to_many, *model._meta.private_fields)


def _ends(field: Any, value: Any) -> Iterator[End]:
    """Yield the records that a value names."""
    if isinstance(field, GenericForeignKey):
        yield value["type"], value["id"]
    elif isinstance(field, models.ForeignKey | models.ManyToManyField):
        kind = ContentType.objects.get_for_model(field.related_model).pk
        for pk in value if isinstance(value, list) else [value]:
            yield kind, pk


def _shown(field: Any, value: Any, targets: dict[End, Target]) -> JsonValue:
    """Return a value as answers show it: references as objects."""
    if not isinstance(field, GenericForeignKey | models.ForeignKey | models.ManyToManyField):
        return value
    shown: list[JsonValue] = [
        {**targets[end]._asdict(), "url": f"{settings.API_ROOT}/{targets[end].resource}/{targets[end].key}"}
        for end in _ends(field, value)
        if end in targets
    ]
    return shown if isinstance(value, list) else next(iter(shown), None)


def _end_of(party: models.Model | None) -> End:
    return (ContentType.objects.get_for_model(party).pk, party.pk) if party else (0, 0)


def _article_of(citation: Citation) -> Target:
    article = citation.article
    return Target(article.resource, article.key, article.title)
