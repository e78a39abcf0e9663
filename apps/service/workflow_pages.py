"""`docs/workflows.md`: the workflows of all records, as tables and diagrams, made from the models."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import override

from apps.common.models.moved import moved_models
from apps.common.models.records import Fact
from apps.common.rules.workflow import Transition
from apps.common.writing.moving import party_label
from apps.common.writing.statuses import workflow_of

HEAD = """# Workflows

How records move: which action leads from which status to which, who takes it, and who sees the record meanwhile. Made
from the models by `manage.py make_workflows`, and compared by a test; the tables stand beside the statuses in the code.

Each action is `POST /api/v1/{resource}/{key}/{action}`. `GET /api/v1/{resource}/{key}/actions` says what is open to
whoever asks, and why the rest is closed. `report` gives a record the status that a source tells, with a citation: for
curators of the place, in every status. A record that a source reports is seen by everybody in whatever status.
"""


def page() -> str:
    """Return the page, in English."""
    with override("en"):
        return "\n".join([HEAD, *(part for model in moved_models() for part in _of_model(model))])


def _of_model(model: type[Fact]) -> Iterator[str]:
    workflow = workflow_of(model)
    public = ", ".join(f"`{each}`" for each in _statuses(model) if each in workflow.public)
    entered = "; ".join(f"`{status}` by {_parties(model, who)}" for status, who in workflow.entries.items())
    yield f"## {str(model._meta.verbose_name_plural).capitalize()} (`{model.resource}`)\n"
    yield f"Entered as {entered}. Everybody sees: {public or 'none'}; the parties see all.\n"
    yield "| action | from | to | who | asks | takes |\n|---|---|---|---|---|---|"
    yield from (_row(model, each) for each in workflow.transitions)
    yield "\n```mermaid\nstateDiagram-v2"
    yield from (f"    [*] --> {status}" for status in workflow.entries)
    yield from (
        f"    {source} --> {each.target}: {each.name}" for each in workflow.transitions for source in each.sources
    )
    yield "```\n"


def _row(model: type[Fact], each: Transition) -> str:
    cells = (
        f"`{each.name}`",
        ", ".join(each.sources),
        each.target,
        _parties(model, each.who)
        + (f", not who speaks for {_parties(model, each.apart_from)}" if each.apart_from else ""),
        ", ".join(each.asks),
        ", ".join(each.takes),
    )
    return f"| {' | '.join(cells)} |"


def _parties(model: type[Fact], who: tuple[str, ...]) -> str:
    return " or ".join(dict.fromkeys(party_label(model, each) for each in who)) or "a rule"


def _statuses(model: type[Fact]) -> list[str]:
    field: Any = model._meta.get_field(workflow_of(model).field)
    return [value for value, _label in field.flatchoices]
