"""Where records lie, by the rule as it is written in the guide, row by row: a second opinion on what is stored."""

from typing import Any

from apps.registry.models import District, Neighbourhood, Street

# What a record hangs on, in the order in which it is asked where it lies.
HANGS_ON: dict[str, tuple[str, ...]] = {
    "member-units": ("parent",),
    "unit-names": ("unit",),
    "identifiers": ("unit",),
    "alliances": ("parent",),
    "memberships": ("alliance",),
    "venues": ("parent",),
    "venue-services": ("venue",),
    "categories": ("alliance", "programme"),
    "needs": ("alliance",),
    "resources": ("alliance",),
    "matches": ("need",),
    "projects": ("parent", "alliance"),
    "project-partners": ("project",),
    "rounds": ("alliance",),
    "round-projects": ("round",),
    "claims": ("project",),
    "deliverables": ("project",),
    "events": ("venue", "parent", "alliance"),
    "participations": ("event",),
    "awards": (),
    "frameworks": (),
    "dimensions": ("framework",),
    "assessments": ("unit",),
    "scores": ("assessment",),
    "figures": ("subject",),
}


def divisions_of(row: Any) -> tuple[District | None, Street | None, Neighbourhood | None]:
    """Return the district, street and neighbourhood in which a record lies."""
    match row:
        case None:
            return None, None, None
        case District():
            return row, None, None
        case Street():
            return row.district, row, None
        case Neighbourhood():
            return row.street.district, row.street, row
    for level in ("neighbourhood", "street", "district"):
        # A party's own divisions say who it is.
        if (own := getattr(row, level, None)) is not None:
            return divisions_of(own)
    for name in HANGS_ON.get(row.resource, ()):
        if (found := divisions_of(getattr(row, name)))[0] is not None:
            return found
    return None, None, None
