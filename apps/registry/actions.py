"""Changes of who and where that touch several rows."""

from typing import Any

from django.db import transaction

from apps.common.models import Fact
from apps.registry.models import Identifier, MemberUnit


@transaction.atomic
def bear(unit: MemberUnit, *, scheme: str, value: str) -> Identifier:
    """Record that a unit bears an identifier, with those citations of the unit that support its `identifiers`.

    It is published with the unit where there are any, and a draft otherwise.
    """
    identifier = Identifier(unit=unit, scheme=scheme, value=value)
    identifier.full_clean(exclude=["prose", "search_text", "ngrams", "prose_ngrams"])
    identifier.save()
    citations: Any = unit.citations.filter(supports__contains=["identifiers"])
    for row in citations:
        type(row)(
            record=identifier,
            article_id=row.article_id,
            start=row.start,
            end=row.end,
            sha256=row.sha256,
            supports=["scheme", "value"],
        ).save()
    if citations and unit.state == Fact.State.PUBLISHED:
        identifier.state = Fact.State.PUBLISHED
        identifier.save()
    return identifier
