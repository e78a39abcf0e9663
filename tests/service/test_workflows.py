"""The page of the workflows, and that they hold together."""

import pytest
from django.conf import settings

from apps.common.models.moved import moved_models
from apps.common.rules.workflow import FIGURE, REASON_KEPT
from apps.common.writing.statuses import workflow_of
from apps.service.workflow_pages import page


def test_the_page_of_workflows_is_up_to_date() -> None:
    assert (settings.BASE_DIR / "docs" / "workflows.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("model", list(moved_models()), ids=lambda model: model.resource)
def test_a_workflow_speaks_of_its_own_statuses_and_fields(model) -> None:
    workflow = workflow_of(model)
    field = model._meta.get_field(workflow.field)
    statuses = {value for value, _label in field.flatchoices}
    named = {*workflow.entries, *workflow.public}
    named |= {each for way in workflow.transitions for each in (*way.sources, way.target)}
    assert named <= statuses
    assert field.default in workflow.entries
    # Every status but those in which records are entered, or that sources alone report, is reached by a transition.
    reached = {*workflow.entries, *(way.target for way in workflow.transitions)}
    assert statuses - reached <= {"claimed"}
    fields = {each.name for each in model._meta.get_fields()} | {REASON_KEPT, FIGURE}
    assert {name for way in workflow.transitions for name in (*way.asks, *way.takes)} <= fields


@pytest.mark.parametrize("model", list(moved_models()), ids=lambda model: model.resource)
def test_transitions_of_one_name_do_not_stand_in_each_others_way(model) -> None:
    """Where two of one name lead out of the same status, different parties take them."""
    for name in workflow_of(model).names:
        ways = workflow_of(model).named(name)
        for number, way in enumerate(ways):
            for other in ways[number + 1 :]:
                assert not (set(way.sources) & set(other.sources) and set(way.who) & set(other.who)), (name, way, other)
