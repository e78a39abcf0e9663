"""What the database holds against a merge that is recorded twice, and a distinction the wrong way round."""

# mypy: allow-untyped-calls

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction

from apps.identity.models import Distinction
from apps.registry.models import MemberUnit
from tests.factories import MergeFactory
from tests.violations import refuse

pytestmark = pytest.mark.django_db


def merged_twice() -> Any:
    row = MergeFactory()
    return MergeFactory.build(slug="the-same-again", record=row.record, merged_key=row.merged_key)


VIOLATIONS: dict[str, Callable[[], Any]] = {"identity_merge_once": merged_twice}


@pytest.mark.parametrize("constraint", VIOLATIONS)
def test_clean_and_the_database_keep_every_constraint(constraint: str) -> None:
    refuse(constraint, VIOLATIONS[constraint]())


def test_a_distinction_is_stored_one_way_round_and_once() -> None:
    kind = ContentType.objects.get_for_model(MemberUnit)
    Distinction.objects.create(content_type=kind, first_id=1, second_id=2, reason="two")
    for first, second in ((2, 1), (1, 1), (1, 2)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Distinction.objects.create(content_type=kind, first_id=first, second_id=second, reason="two")
