"""Content of the network's page: places, kinds, and words."""

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.explore.network.rules import DIVISIONS, RECORDS, EdgeKind
from apps.explore.network.walk import DEPTH, MAX_DEPTH
from apps.registry.models import District, Street

# Words that the page's scripts show. The keys are the scripts' own.
TEXTS = {
    "loading": _("Loading …"),
    "counts": _("%(nodes)s nodes, %(edges)s edges"),
    "empty": _("Nothing is on record under these filters. Choose another place or day, or clear the filters."),
    "failed": _("The network could not be read. Try again."),
    "found": _("%(count)s of the nodes match."),
    "found_none": _("No node matches."),
    "edge": _("Edge"),
    "kind": _("Kind"),
    "role": _("Role"),
    "status": _("Status"),
    "pinyin": _("Pinyin"),
    "starts_on": _("From"),
    "ends_on": _("Until"),
    "degree": _("Edges here"),
    "record": _("Record"),
    "neighbours": _("Neighbours"),
    "no_neighbours": _("It has no neighbours under these filters."),
    "outgoing": _("%(kind)s →"),
    "incoming": _("← %(kind)s"),
    "evidence": _("Evidence"),
    "evidence_of": _("Evidence: %(name)s"),
    "no_evidence": _("This rests on the official division codes, not on an article."),
    "position": _("Characters %(start)s–%(end)s of the body"),
    "citation": _("Citation"),
    "article": _("Article"),
    "only_this": _("Only its network"),
    "start_from": _("Start from %(name)s"),
    "remove": _("Remove"),
    "close": _("Close"),
}


def texts() -> dict[str, str]:
    """Return the words of the page in the reader's language."""
    return {name: str(text) for name, text in TEXTS.items()}


def places() -> list[dict[str, object]]:
    """Return the districts that hold a record, each with those of its streets that do."""
    in_street, in_district = Q(), Q()
    for kind in RECORDS.values():
        rows = kind.model.objects.visible_to(None)
        for condition in ("street", "neighbourhood__street"):
            in_street |= Q(Exists(rows.filter(**{condition: OuterRef("pk")})))
        in_district |= Q(Exists(rows.filter(district=OuterRef("pk"))))
    found = list(Street.objects.filter(in_street).order_by("code"))
    districts = District.objects.filter(in_district | Q(pk__in={street.district_id for street in found}))
    return [
        {
            "code": district.code,
            "name": district.name,
            "streets": [
                {"code": street.code, "name": street.name} for street in found if street.district_id == district.pk
            ],
        }
        for district in districts.order_by("code")
    ]


def choices() -> dict[str, object]:
    """Return the choices of the page, with labels in the reader's language."""
    kinds = [
        {"value": name, "group": name, "label": str(kind.model._meta.verbose_name_plural), "default": name != "events"}
        for name, kind in RECORDS.items()
    ]
    divisions = {"value": ",".join(DIVISIONS), "group": "places", "label": gettext("Places"), "default": True}
    depths = {0: _("These alone"), 1: _("with neighbours"), 2: _("two steps"), 3: _("three steps")}
    return {
        "kinds": [*kinds, divisions],
        "edges": [{"value": kind.value, "label": str(kind.label)} for kind in EdgeKind],
        "depths": [
            {"value": depth, "label": str(depths[depth]), "default": depth == DEPTH} for depth in range(MAX_DEPTH + 1)
        ],
    }
