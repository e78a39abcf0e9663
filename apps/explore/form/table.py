"""The claim form (认领表): which unit claims which project, by category and body, and the totals as others say them.

It shows what its reader may see: the published claims of a round, or of the projects in the framework of a body, and
the projects that nobody has claimed yet. Of how many units claim how many projects it sets side by side what articles
report, what parties attest, and what is on record.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils.translation import gettext_lazy as _

from apps.common.models.records import Citable, Fact
from apps.common.models.targets import Target
from apps.common.rules.territory import Reader
from apps.evidence.models import Attestation, Citation, Figure
from apps.projects.models import Category, Claim, Project, Round, RoundProject
from apps.projects.models.claims import HOLDING
from apps.registry.models import Alliance

STANDING = frozenset({Claim.Status.CLAIMED, *HOLDING})  # what the totals on record count
MEASURES = {"units_claiming": _("Units that claim"), "projects_claimed": _("Projects that are claimed")}
PUBLISHED = Fact.State.PUBLISHED


class Reported(NamedTuple):
    """A figure as the form shows it: how it reads, who says it, and the record of it."""

    reading: str
    as_written: str
    period: str
    by: Target | None
    figure: Target


@dataclass
class Total:
    """One number about the whole form, a body or a category: as articles report it, as parties attest it, on record."""

    about: Target
    measure: str
    recorded: int
    reported: list[Reported] = field(default_factory=list)
    attested: list[Reported] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What is counted, in the active language."""
        return str(MEASURES[self.measure])


class FormRow(NamedTuple):
    """A project under its category, as the units of one body claim it; without claims where nobody does."""

    category: Category | None
    body: Alliance | None
    project: Project
    places: int | None
    claims: Sequence[Claim]


class ClaimForm(NamedTuple):
    """A claim form: whose it is, its rows in their order, and the totals, those of the whole form first."""

    of: Round | Alliance
    rows: list[FormRow]
    totals: list[Total]


def target_of(record: Citable) -> Target:
    """Return a record as others point at it."""
    return Target(record.resource, record.key, str(record))


def claims_of(owner: Round | Alliance, user: Reader) -> Any:
    """Return the published claims of a round, or of the projects of a body, that somebody sees."""
    way = "round_project__round" if isinstance(owner, Round) else "project__alliance"
    return Claim.objects.visible_to(user).filter(state=PUBLISHED, **{way: owner})


def form_of(owner: Round | Alliance, user: Reader) -> ClaimForm:
    """Return the claim form of a round or a body as somebody sees it."""
    related = ("unit", "body", "project__category", "round_project__category")
    claims = list(claims_of(owner, user).select_related(*related))
    rows = sorted(_rows(_put_up(owner, user), claims), key=_place)
    return ClaimForm(owner, rows, _totals(owner, rows, user))


# Rows -----------------------------------------------------------------------------------------------------------------


def _put_up(owner: Round | Alliance, user: Reader) -> Iterator[FormRow]:
    """Yield the projects that can be claimed, each without claims."""
    if isinstance(owner, Round):
        put_up = RoundProject.objects.visible_to(user).filter(state=PUBLISHED, round=owner)
        for each in put_up.select_related("project__category", "category"):
            yield FormRow(each.category or each.project.category, None, each.project, each.places, ())
        return
    claimed = Exists(claims_of(owner, user).filter(project=OuterRef("pk")))
    listed = Project.objects.visible_to(user).filter(Q(category__isnull=False) | claimed, alliance=owner)
    for project in listed.filter(state=PUBLISHED).select_related("category"):
        yield FormRow(project.category, None, project, None, ())


def _rows(put_up: Iterable[FormRow], claims: Iterable[Claim]) -> Iterator[FormRow]:
    """Yield the rows of the form: one for each project and body whose units claim it."""
    found: dict[int, dict[Alliance | None, list[Claim]]] = defaultdict(lambda: defaultdict(list))
    for claim in claims:
        found[claim.project_id][claim.body].append(claim)
    for row in put_up:
        if row.project.pk not in found:
            yield row
        for body, own in found[row.project.pk].items():
            own.sort(key=lambda claim: (claim.unit.name_pinyin, claim.slug))
            yield row._replace(body=body, claims=own)


def _place(row: FormRow) -> tuple[Any, ...]:
    """Return the sort key of a row: by the order of the categories; what has none stands last."""
    category, body = row.category, row.body
    heading = (1, 0, "") if category is None else (0, category.position or 0, category.name_pinyin)
    return heading, body is None, body.name_pinyin if body else "", row.project.name_pinyin, row.project.slug


# Totals ---------------------------------------------------------------------------------------------------------------


def _totals(owner: Round | Alliance, rows: Sequence[FormRow], user: Reader) -> list[Total]:
    """Return the totals of the form, of the bodies whose units claim or that are parts of the owner, of categories."""
    bodies = {row.body for row in rows if row.body is not None}
    if isinstance(owner, Alliance):
        bodies |= set(Alliance.objects.visible_to(user).filter(parent=owner, kind=Alliance.Kind.SUB_CONFERENCE))
    categories = dict.fromkeys(row.category for row in rows if row.category is not None)
    parts: list[tuple[Any, list[FormRow]]] = [(owner, list(rows))]
    parts += [(body, [row for row in rows if row.body == body]) for body in sorted(bodies, key=_pinyin)]
    parts += [(category, [row for row in rows if row.category == category]) for category in categories]
    figures = _figures([part for part, _own in parts], user)
    totals = []
    for part, own in parts:
        standing = [claim for row in own for claim in row.claims if claim.status in STANDING]
        recorded = {
            "units_claiming": len({claim.unit_id for claim in standing}),
            "projects_claimed": len({claim.project_id for claim in standing}),
        }
        for measure in MEASURES:
            total = Total(target_of(part), measure, recorded[measure])
            for figure in figures[type(part), part.pk, measure]:
                _tell(figure, total)
            totals.append(total)
    return totals


def _pinyin(body: Alliance) -> tuple[str, str]:
    return body.name_pinyin, body.slug


def _figures(parts: Sequence[Citable], user: Reader) -> dict[tuple[type, int, str], list[Figure]]:
    """Return the published figures about records that somebody sees, by record and measure; plans are none."""
    about = Q()
    for part in parts:
        about |= Q(content_type=ContentType.objects.get_for_model(part), object_id=part.pk)
    figures = Figure.objects.visible_to(user).filter(
        about, state=PUBLISHED, kind=Figure.Kind.ACTUAL, measure__in=MEASURES
    )
    evidence = (
        Prefetch("citations", Citation.objects.order_by("pk")),
        Prefetch("attestations", Attestation.objects.filter(retracted_at=None).order_by("pk")),
    )
    found = defaultdict(list)
    models = {ContentType.objects.get_for_model(part).pk: type(part) for part in parts}
    for figure in figures.order_by("-period_latest", "slug").prefetch_related(*evidence):
        found[models[figure.content_type_id], figure.object_id, figure.measure].append(figure)
    return found


def _tell(figure: Any, total: Total) -> None:
    """Add a figure to a total: to what articles report, and to what parties attest, by what it rests on."""
    said = Reported(figure.reading, figure.as_written, figure.period, None, target_of(figure))
    if figure.citations.all():
        by = figure.reported_by
        total.reported.append(said._replace(by=by and target_of(by)))
    parties = dict.fromkeys(each.party for each in figure.attestations.all())
    total.attested += [said._replace(by=target_of(party)) for party in parties]
