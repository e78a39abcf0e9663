"""Suggestions in words: why a resource could meet a need, and what would raise the score, in the active language."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from apps.projects.matching.subjects import SUBJECTS, shared_words
from apps.projects.suggesting import Found

FEW = 4  # subjects and words that a sentence names
LEVELS = {
    "neighbourhood": _("Both lie in the same neighbourhood."),
    "street": _("Both lie in the same street or town."),
    "district": _("Both lie in the same district."),
    "city": _("They lie in different districts."),
}
GAINS = {
    "words": _("Say in the summary of the resource what it is."),
    "people": _("Say on both sides for whom it is."),
    "distance": _("Say where the need and the resource lie."),
    "capacity": _("Give both a capacity."),
    "calendar": _("Give both the day on which they were published or the last on which they stand."),
}


def reasons(found: Found) -> Iterator[str]:
    """Yield why a resource could meet a need, the weightiest first."""
    need, resource, made = found
    mark = gettext(", ")
    if made.subjects:
        is_chinese = (get_language() or "").startswith("zh")
        known = (SUBJECTS[key] for key in made.subjects[:FEW])
        names = mark.join(each.name if is_chinese else each.english for each in known)
        yield gettext("Both are about: %(names)s.") % {"names": names}
    if words := shared_words(need.text, f"{resource.text}\n{resource.unit}"):
        quoted = mark.join(gettext("“%(word)s”") % {"word": word} for word in words[:FEW])
        yield gettext("Both say: %(words)s.") % {"words": quoted}
    if made.level in LEVELS:
        yield str(LEVELS[made.level])
    if need.capacity and resource.capacity is not None:
        counts = {"there": resource.capacity, "wanted": need.capacity}
        yield gettext("There is room for %(there)d, and %(wanted)d are asked for.") % counts
    if made.together:
        told = gettext("Projects of the street that the unit has claimed or is a partner in: %(count)d.")
        yield told % {"count": made.together}


def shown(resource: str, found: Found) -> dict[str, Any]:
    """Return a suggestion as it is answered; `resource` is that of the record which is suggested."""
    side, made = (found.resource if resource == "resources" else found.need), found.suggestion
    url = f"{settings.API_ROOT}/{resource}/{side.key}"
    gains = ((part, points) for part, points in made.gains.items() if points and part in GAINS)
    return {
        "record": {"resource": resource, "key": side.key, "name": side.name, "url": url, "unit": side.unit or None},
        "score": made.score,
        "parts": made.parts,
        "reasons": list(reasons(found)),
        "gains": [{"part": part, "points": points, "detail": str(GAINS[part])} for part, points in gains],
    }
