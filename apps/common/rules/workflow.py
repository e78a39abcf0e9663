"""How the status of a record moves: a table of transitions on its model, and who sees a record in which status.

A record is entered in the first status of its table; any other rests on what a source reports. Then only transitions
write it: each is an action at an address of its own, an act of a party, and one change in the log. The same table makes
the document, the buttons of the curators' pages and `docs/workflows.md`.

A record with a workflow stands as soon as it is published, but everybody sees it only in the statuses that the table
calls public, or where a source has reported it. The parties see it always: they may edit it.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar, NamedTuple

from django.utils.functional import Promise

DECISION, CONFIRMATION, NEXT_STEP = "decision", "confirmation", "next_step"  # why a record waits for somebody
LAPSE = "lapse"  # the transition of a rule that writes what has lapsed
FIGURE = "figure"  # the member of an action's body for a number that the party reports of the record by the action
REASON_KEPT = "reason"  # the member of an action's body, and the column, for why a party moved the record


class Closed(NamedTuple):
    """Why an action is closed though the status is right: the code of an error, and a sentence."""

    code: str
    detail: str


class Transition(NamedTuple):
    """A way from some statuses to another one.

    `who` are the parties that may go it, as `competence.Attester` names them; none: a rule of the registry goes it, and
    no user. `asks` are the fields that the action has to be given, `takes` those that it may be given; `reason` is one
    of them, kept for the parties alone, and `figure` is a record of its own. `apart_from` are parties for whom the user
    must not speak as well: nobody confirms to himself.
    """

    name: str
    sources: tuple[str, ...]
    target: str
    who: tuple[str, ...]
    label: str | Promise
    about: str | Promise
    asks: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    apart_from: tuple[str, ...] = ()


class Lapse(NamedTuple):
    """When a status lapses by itself: once the last day of a date is over. `LAPSE` is the transition that writes it."""

    status: str
    until: str


class Wait(NamedTuple):
    """Why a record waits in a status, and for which parties, as `competence.Attester` names them."""

    why: str
    who: tuple[str, ...]


class Workflow(NamedTuple):
    """The transitions of a model's status, the statuses in which records are entered, and those that everybody sees.

    `entries` has for each status in which a record may be entered the parties that enter it so; the first is the
    default of the field. `lapses` says when a status lapses by itself, and `waits` in which a record waits
    for whom.
    """

    entries: Mapping[str, tuple[str, ...]]
    transitions: tuple[Transition, ...]
    public: frozenset[str]
    field: str = "status"
    lapses: Lapse | None = None
    waits: Mapping[str, Wait] = MappingProxyType({})

    def named(self, name: str) -> list[Transition]:
        """Return the transitions of a name, in the order of the table."""
        return [each for each in self.transitions if each.name == name]

    @property
    def names(self) -> list[str]:
        """The names of the actions that users take, in the order of the table."""
        return list(dict.fromkeys(each.name for each in self.transitions if each.who))

    def open_in(self, status: str) -> list[Transition]:
        """Return the transitions that lead out of a status, those of a rule left out."""
        return [each for each in self.transitions if status in each.sources and each.who]

    def actions_for(self, who: Iterable[str], status: str) -> list[str]:
        """Return the names of the actions that one of some parties takes in a status, in the order of the table."""
        parties = frozenset(who)
        return list(dict.fromkeys(each.name for each in self.open_in(status) if not parties.isdisjoint(each.who)))


class HasWorkflow:
    """What a model says about how its records move; None: its status, if it has one, is a field like any other."""

    workflow: ClassVar[Workflow | None] = None
