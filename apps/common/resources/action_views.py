"""Actions over HTTP: each transition of a workflow at an address of its own, and what is open to whom."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.http.parameters import refuse_all_but_format
from apps.common.reading.record_version import version_of
from apps.common.resources.write_views import Writes
from apps.common.rules.workflow import Workflow
from apps.common.writing.contract import EVIDENCE, Finder
from apps.common.writing.moving import RecordMover, actions_of
from apps.common.writing.statuses import REPORT, status_of, workflow_of

MOVE = "move_"  # before the name of an action, in that of its method


class ActionSerializer(serializers.Serializer[Any]):
    """An action of a record, and whether the reader may take it now."""

    name = serializers.CharField(help_text="Name of the action, the last part of its address.")
    title = serializers.CharField(help_text="What a button says, in the language asked for.")
    about = serializers.CharField(help_text="What the action does, in the language asked for.")
    url = serializers.CharField(help_text="Address to which it is posted.")
    asks = serializers.ListField(child=serializers.CharField(), help_text="Members that the body has to have.")
    takes = serializers.ListField(child=serializers.CharField(), help_text="Members that the body may have.")
    is_open = serializers.BooleanField(help_text="Whether the reader may take it now.")
    code = serializers.CharField(allow_null=True, help_text="Code of the error that it would be refused with.")
    detail = serializers.CharField(allow_null=True, help_text="Why it is closed to the reader now.")


class ActionsSerializer(serializers.Serializer[Any]):
    """What may be done with a record that moves by a workflow."""

    status = serializers.CharField(help_text="Where the record stands.")
    actions = ActionSerializer(many=True, help_text="All actions of its kind, in the order of the workflow.")


class Actions(Writes):
    """Gives a viewset whose records move by a workflow an address for each action."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        workflow: Workflow | None = getattr(getattr(cls.__dict__.get("queryset"), "model", None), "workflow", None)
        if workflow is not None:
            for name in (*workflow.names, REPORT):
                setattr(cls, f"{MOVE}{name}", _method(name))
            cls.list_actions = _list_actions()  # type: ignore[attr-defined]

    def _act(self, key: str, name: str) -> HttpResponse:
        """Move a record by an action of its workflow; `report` gives it the status that a source reports."""
        body = self._body()
        reason = self._reason(body) if name == REPORT else name

        def work() -> HttpResponse:
            record: Any = self._locked(key)
            self.conditions.check(version_of(record))
            shown = self._shown_as_now(key)
            mover = RecordMover(self.contract(), self.request.user, Finder(self.request.user), self.flaws)
            changes = mover.report(record, body) if name == REPORT else mover.move(record, name, body)
            return self._answer(changes, status=200, before=shown())

        return self._write(reason, work)

    def _offered(self, key: str) -> dict[str, Any]:
        refuse_all_but_format(self.request)
        record: Any = self._rows(key).first()
        if record is None:
            raise self._no_record(key)
        url = f"{settings.API_ROOT}/{record.resource}/{record.key}"
        offered = [
            {
                "name": each.transition.name,
                "title": str(each.transition.label),
                "about": str(each.transition.about),
                "url": f"{url}/{each.transition.name}",
                "asks": list(each.transition.asks),
                "takes": list(each.transition.takes),
                "is_open": each.closed is None,
                "code": each.closed and each.closed[0],
                "detail": each.closed and each.closed[1],
            }
            for each in actions_of(record, self.request.user)
        ]
        return {"status": status_of(record), "actions": offered}


def _method(name: str) -> Callable[..., HttpResponse]:
    """Return the method of an action."""

    def move(self: Actions, request: Request, key: str) -> HttpResponse:
        return self._act(key, name)

    move.__name__ = f"{MOVE}{name}"
    return action(detail=True, methods=["post"], url_path=name, filterset_class=None, pagination_class=None)(move)


def _list_actions() -> Callable[..., Response]:
    """Return the method that tells what is open; one for each viewset, which the document describes."""

    def list_actions(self: Actions, request: Request, key: str) -> Response:
        """Tell what the reader may do with the record now, and why the rest is closed to him."""
        return Response(ActionsSerializer(self._offered(key)).data)

    route = action(detail=True, methods=["get"], url_path="actions", filterset_class=None, pagination_class=None)
    described = extend_schema(summary="Tell which actions are open", responses={200: ActionsSerializer})
    found: Callable[..., Response] = described(route(list_actions))
    return found


def action_of(view: object) -> str:
    """Return the name of the action that a view takes now; empty where it does something else."""
    name = str(getattr(view, "action", "") or "")
    return name.removeprefix(MOVE) if name.startswith(MOVE) else ""


def members_of(view: Actions, name: str) -> tuple[list[str], list[str]]:
    """Return the members that the body of an action has to have, and those that it may have."""
    workflow = workflow_of(view.queryset.model)
    if name == REPORT:
        return [workflow.field], [*EVIDENCE]
    found = workflow.named(name)
    asks = [each for each in found[0].asks if all(each in other.asks for other in found)]
    takes = dict.fromkeys(each for other in found for each in (*other.asks, *other.takes))
    return asks, [each for each in takes if each not in asks]
