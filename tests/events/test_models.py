"""Events, awards and participations: their constraints."""

# mypy: allow-untyped-calls

from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import (
    AwardFactory,
    EventFactory,
    MemberUnitFactory,
    ParticipationFactory,
    ProjectFactory,
    StreetFactory,
    rest,
)
from tests.violations import refuse

pytestmark = pytest.mark.django_db


def own_parent() -> Any:
    row = EventFactory()
    row.parent = row
    return row


def participation(**values: Any) -> Any:
    return ParticipationFactory.build(
        **{"slug": "of-the-test", "state": "draft", "event": EventFactory(), "unit": MemberUnitFactory(), **values}
    )


def same_again() -> Any:
    first = ParticipationFactory()
    return participation(event=first.event, unit=first.unit)


VIOLATIONS: dict[str, Callable[[], Any]] = {
    "events_event_not_own_parent": own_parent,
    "events_participation_one_party": lambda: participation(party_street=StreetFactory()),
    "events_participation_group_is_no_party": lambda: participation(group=True),
    "events_participation_names_a_party": lambda: participation(unit=None),
    "events_participation_once": same_again,
    "events_participation_person_has_office": lambda: participation(representative_name="某人"),
    "events_participation_award_has_role": lambda: participation(award=AwardFactory(), role="attendee"),
}


@pytest.mark.parametrize("constraint", VIOLATIONS)
def test_clean_and_the_database_keep_every_constraint(constraint: str) -> None:
    refuse(constraint, VIOLATIONS[constraint]())


@pytest.mark.parametrize("role", ["awardee", "presenter"])
def test_an_award_is_received_or_presented(role: str) -> None:
    row = participation(award=AwardFactory(), role=role)
    row.full_clean()
    row.save()
    assert list(row.award.participations.all()) == [row]


def test_a_unit_may_take_several_parts_and_send_several_people() -> None:
    first = ParticipationFactory(representative_office="会长")
    for values in ({"role": "speaker"}, {"representative_name": "某人", "representative_office": "秘书长"}):
        row = participation(slug="", event=first.event, unit=first.unit, **values)
        row.full_clean()
        row.save()
    assert first.event.participations.count() == 3


def test_an_office_may_stand_without_a_name() -> None:
    participation(representative_office="相关负责人").full_clean()


def test_an_event_names_its_projects_and_a_project_its_events() -> None:
    event, project = EventFactory(), ProjectFactory()
    event.projects.add(project)
    rest(event)
    assert list(project.events.all()) == [event]
