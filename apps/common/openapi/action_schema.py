"""How the OpenAPI document describes actions: from the workflows by which they move records."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from apps.common.openapi.components import STRING, Schema, component
from apps.common.openapi.names import pascal
from apps.common.openapi.parameters import DRY_RUN, KEY, LANGUAGE
from apps.common.openapi.write_schema import CHANGE_REASON, NEW_EVIDENCE, REASONED, TRIED, member
from apps.common.resources.action_views import action_of, members_of
from apps.common.resources.views import RecordViewSet
from apps.common.rules.workflow import FIGURE, REASON_KEPT
from apps.common.writing.contract import EVIDENCE, REASON, Contract, Input
from apps.common.writing.moving import LONGEST_REASON, NUMBER, PRECISION
from apps.common.writing.statuses import REPORT, workflow_of

REASON_OF_ACTION: Schema = {
    **STRING,
    "maxLength": LONGEST_REASON,
    "description": "Why the party takes the action; kept on the record, and told to the parties alone.",
}
NEW_EVIDENCE_OF_RECORD = component("NewEvidenceOfRecord", "Evidence for a record.", EVIDENCE, **NEW_EVIDENCE)
WHY: dict[str, Schema] = {REASON: CHANGE_REASON}
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The `ETag` of the record as it was read; the status guards the action without it, too.",
)


def parameters() -> list[OpenApiParameter]:
    """Return the parameters and headers of an action."""
    return [DRY_RUN, LANGUAGE, IF_MATCH, KEY]


def summary(view: RecordViewSet) -> str:
    """Return what an action does, in a line."""
    name = action_of(view)
    if name == REPORT:
        return "Report the status that a source tells"
    return str(workflow_of(view.queryset.model).named(name)[0].label)


def description(view: RecordViewSet) -> str:
    """Return what an action does, in which statuses it is open, and what status it gives."""
    workflow, name = workflow_of(view.queryset.model), action_of(view)
    if name == REPORT:
        return "Gives the record the status that a source reports, with the evidence for it. For curators of the place."
    ways = [f"{', '.join(f'`{each}`' for each in way.sources)} to `{way.target}`" for way in workflow.named(name)]
    return f"{workflow.named(name)[0].about} From {'; '.join(dict.fromkeys(ways))}."


def request(view: RecordViewSet) -> Schema:
    """Return the schema of an action's body, by media type."""
    contract: Any = view.contract()
    name = action_of(view)
    asks, takes = members_of(view, name)
    fields = [each for each in (*asks, *takes) if each not in EVIDENCE]
    properties = {each: _member(contract, each) for each in fields}
    about = "What an action is given."
    if name == REPORT:
        own = component(f"Reported{contract.model.__name__}", about, **{each: properties[each] for each in asks})
        return {"application/json": {"allOf": [own, NEW_EVIDENCE_OF_RECORD, REASONED]}}
    given = component(_name(contract.model.__name__, name, asks, takes), about, (*takes, REASON), **properties, **WHY)
    return {"application/json": given}


def _member(contract: Contract, name: str) -> Schema:
    """Return the schema of a member of an action's body."""
    if name == REASON_KEPT:
        return REASON_OF_ACTION
    if name != FIGURE:
        return member(contract.inputs[name])
    model = contract.model._meta.get_field("figures").related_model
    given = {each: member(Input(each, model._meta.get_field(each))) for each in (*NUMBER, *PRECISION)}
    about = "A number that came of the record; it becomes a figure of the record, which the party reports."
    return component("FigureOfAction", about, PRECISION, **given)


def _name(model: str, action: str, asks: list[str], takes: list[str]) -> str:
    """Return the name of the schema of an action's body: those that have the reason alone, or nothing, share one."""
    if {*asks, *takes} <= {REASON_KEPT}:
        return "ActionWithReason" if asks else "ActionWithOrWithoutReason" if takes else "Action"
    return f"{model}{pascal(action)}"


def responses(record: Schema) -> dict[int, Any]:
    """Return the schemas of an action's good answers."""
    return {200: {"anyOf": [record, TRIED]}}
