"""The base of records that move by a workflow, and the column that says whether everybody sees them."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pgtrigger
from django.apps import apps
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.rules.trees import add_triggers
from apps.common.rules.workflow import Closed, HasWorkflow, Transition, Workflow
from apps.common.sql.slots import Parameter, literal
from apps.common.values.dates import is_over
from apps.common.values.texts import ParagraphsField


class _IsPublic(pgtrigger.Trigger):
    """Fills the column before a row is stored, in whatever way."""

    name = "is_public"
    operation = pgtrigger.Insert | pgtrigger.Update
    when = pgtrigger.Before

    def get_func(self, model: models.Model) -> str:
        workflow: Workflow = apps.get_model(model._meta.label).workflow
        public = ", ".join(map(literal, sorted(workflow.public)))
        is_open = f"NEW.{workflow.field} IN ({public})" if public else "false"
        return f"NEW.is_public := NEW.reported OR {is_open}; RETURN NEW;"


class PublicColumn(models.BooleanField):
    """Whether the status of a published record lets everybody see it; it brings the trigger that fills it."""

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False, **kwargs: Any
    ) -> None:
        """Give the model the trigger."""
        super().contribute_to_class(cls, name, private_only, **kwargs)
        if cls.__module__ != "__fake__" and not cls._meta.abstract:  # a migration's model states the trigger itself
            add_triggers(cls, [_IsPublic()])


class Moved(HasWorkflow, models.Model):
    """The base of records that move by a workflow; it stands before `Fact` among the bases of a model."""

    is_public = PublicColumn(
        _("seen by everybody"),
        default=False,
        editable=False,
        help_text=_("Whether everybody sees the record in its status; made by the database."),
    )
    reported = models.BooleanField(
        _("reported"),
        default=False,
        editable=False,
        help_text=_("Whether a source reports the record; then everybody sees it, in whatever status."),
    )
    reason = ParagraphsField(
        _("reason"),
        blank=True,
        default="",
        editable=False,
        help_text=_("Why a party moved the record last; told to the parties alone."),
    )

    class Meta:
        abstract = True

    def lapsed(self, day: date) -> bool:
        """Whether the status has lapsed by a day, though nobody has written that yet."""
        workflow = self.workflow
        if workflow is None or workflow.lapses is None or getattr(self, workflow.field) != workflow.lapses.status:
            return False
        return is_over(getattr(self, workflow.lapses.until), day)

    @classmethod
    def over(cls, day: date | Parameter) -> models.Q | None:
        """Return the condition under which a published record has lapsed by a day; None: none ever does."""
        if cls.workflow is None or cls.workflow.lapses is None:
            return None
        status, until = cls.workflow.lapses
        return models.Q(**{"state": "published", cls.workflow.field: status, f"{until}_latest__lt": day})

    def ruler(self) -> models.Model | None:
        """Return the party whose rule moves the record where no user does; None: no rule moves it."""
        return None

    def why_not(self, transition: Transition, day: date) -> Closed | None:
        """Return why a transition is closed to everybody though the status is right."""
        return None

    def on_move(self, transition: Transition, day: date) -> None:
        """Set what a transition says beside the status; the record is saved behind it."""

    def follows(self, transition: Transition) -> Iterator[tuple["Moved", str]]:
        """Yield the records that move with this one once it is saved, each with the transition of a rule."""
        yield from ()

    def brings(self, transition: Transition, day: date) -> Iterator[tuple["Moved", models.Model]]:
        """Yield new records that are entered with a transition, each with the party that thereby enters it.

        They are stored before this one, which may point at them.
        """
        yield from ()

    def by_rule(self, day: date) -> Iterator[tuple["Moved", str, models.Model]]:
        """Yield what a rule moves when the record was entered: the record, the transition, and whose rule it is."""
        yield from ()


def moved_models() -> Iterator[Any]:
    """Yield the models whose records move by a workflow."""
    yield from (model for model in apps.get_models() if getattr(model, "workflow", None) is not None)


def lapsed(day: date) -> Iterator[models.QuerySet[Any]]:
    """Yield what has lapsed by a day, and is not written yet, of each kind of record that may lapse."""
    for model in moved_models():
        if (over := model.over(day)) is not None:
            yield model.objects.filter(over)
