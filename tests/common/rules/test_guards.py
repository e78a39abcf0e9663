"""Whatever the database refuses has a sentence in both languages, at a field where it is about one (row 30)."""

from typing import Any

import pgtrigger
import pytest
from django.apps import apps
from django.db import models
from django.utils import translation

from apps.common.models.records import Citable
from apps.common.rules.evidence import HAS_EVIDENCE, NO_EVIDENCE
from apps.common.rules.guards import Guard, field_of, sentence_of, sentences
from apps.common.rules.publishing import POINTS, STAYS
from apps.common.writing.refusals import rule_of
from tests import factories
from tests.writing import Keeper

OWN = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
CHECKS = [
    (model, constraint)
    for model in OWN
    for constraint in model._meta.constraints
    if isinstance(constraint, models.CheckConstraint)
]
# Of what no answer can tell: nothing of ours writes the log, another key, or in another isolation.
UNREACHED = {"log_is_permanent", "slug_is_permanent", "is_stamped"}
# It says of the record what the trigger of the record says.
OF_ANOTHER = {"fact_keeps_evidence"}


def in_both(text: Any) -> list[str]:
    """Return a text in both languages."""
    found = []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            found.append(str(text))
    return found


def test_every_trigger_that_refuses_has_its_sentences() -> None:
    for model, trigger in pgtrigger.registered():
        body = str(trigger.compile(model).install_sql)
        if "RAISE" not in body or trigger.name in UNREACHED | OF_ANOTHER or POINTS in body or STAYS in body:
            continue
        if HAS_EVIDENCE in body:  # it names the fields, and is told at each of them
            english, chinese = in_both(NO_EVIDENCE)
            assert english != chinese
            continue
        assert isinstance(trigger, Guard), (model, trigger.name)
        assert trigger.sentences, trigger.name
        for suffix, sentence in trigger.sentences_of(model).items():
            assert suffix in body, (model, trigger.name)
            assert sentence_of(f"{model._meta.db_table}{suffix}") is not None
            known = {field.name for field in model._meta.get_fields()}
            assert sentence.field in known, (model, sentence)
            english, chinese = in_both(sentence.text)
            assert english != chinese, sentence


def test_no_two_triggers_say_different_things_of_one_name() -> None:
    said: dict[str, set[str]] = {}
    for name, sentence in sentences():
        said.setdefault(name, set()).add(f"{sentence.field} {sentence.text}")
    assert [name for name, texts in said.items() if len(texts) > 1] == []


@pytest.mark.parametrize(("model", "constraint"), CHECKS, ids=[constraint.name for _model, constraint in CHECKS])
def test_every_check_is_told_at_its_field_in_both_languages(model: type[models.Model], constraint: Any) -> None:
    names = set(constraint.condition.referenced_base_fields) - {"id"}
    assert field_of(constraint) == (names.pop() if len(names) == 1 else "")
    told = []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            field, text = rule_of(constraint.name, model._meta.db_table)
            assert field == field_of(constraint)
            told.append(text)
    assert told[0] != told[1]
    assert constraint.name not in "".join(told)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("made", "values"),
    [
        (factories.FigureFactory, {"value": -1}),
        (factories.DimensionFactory, {"position": 0}),
        *[
            (factory, {"parent": None})
            for factory in (
                factories.MemberUnitFactory,
                factories.AllianceFactory,
                factories.VenueFactory,
                factories.ProjectFactory,
                factories.EventFactory,
            )
        ],
        *[
            (factory, {"successor": None})
            for factory in (factories.DistrictFactory, factories.StreetFactory, factories.NeighbourhoodFactory)
        ],
    ],
)
def test_the_ten_that_had_none_are_told_at_their_fields(made: Any, values: dict[str, Any]) -> None:
    record: Citable = made()
    [(name, value)] = values.items()
    body = {name: record.key if value is None else value}
    keeper = Keeper(factories.UserFactory(is_superuser=True))
    answer = keeper.send(
        "PATCH",
        f"{record.resource}/{record.key}",
        {**body, "change_reason": "x"},
        **{"If-Match": "*", "Accept-Language": "zh-Hans"},
    )
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["pointer"] == f"/{name}"
    assert any("\u4e00" <= char <= "\u9fff" for char in error["detail"])
    assert "_" not in error["detail"]
