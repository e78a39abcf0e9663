"""What is said of a key that names no record: which record may be meant, by a merge or by its name.

Names stand in sources, codes and slugs do not; so a name is what is mostly given where a key is wanted.
"""

from collections.abc import Mapping

from django.utils.translation import gettext

from apps.common.http.problems import nearest
from apps.common.models.records import Citable, citable_models
from apps.common.models.slugs import RetiredSlug
from apps.common.rules.territory import Reader
from apps.common.sql.slots import text_of
from apps.common.sql.statement import Statement
from apps.common.values.ngrams import END, every, ngrams, pattern
from apps.common.values.pinyin import normalise_term

MOST_NAMED = 3
READ_ROWS = 100  # bearers of a name among which the first by key are taken
LONGEST = 100


def no_record(model: type[Citable], key: str, viewer: Reader, values: Mapping[str, object] | None = None) -> str:
    """Return why a key names no record that a reader sees, and which record may be meant.

    `values` are those of the parameters that stand for the reader, where it is a `Viewer`.
    """
    return no_such(model, key) + meant(model, key, viewer, values)


def no_such(model: type[Citable], key: str, _viewer: Reader = None) -> str:
    """Return that a key names no record, and no more."""
    return gettext("There is no %(resource)s/%(key)s.") % {"resource": model.resource, "key": key[:LONGEST]}


def no_resource(name: str, known: Mapping[str, type[Citable]]) -> str:
    """Return that a name is no resource, or none of those whose records are taken, and which one may be meant."""
    told = {"name": name[:LONGEST], "names": ", ".join(known)}
    if len(known) < len(citable_models()):
        detail = gettext("“%(name)s” is none of the resources that are taken here: %(names)s.") % told
    else:
        detail = gettext("There is no resource “%(name)s”.") % told
    return detail + nearest(name[:LONGEST], known)


def meant(model: type[Citable], key: str, viewer: Reader, values: Mapping[str, object] | None = None) -> str:
    """Return a sentence that names the records that may be meant by a key; empty where there are none."""
    if "\0" in key or not _is_text(key):
        return ""
    if successor := RetiredSlug.successor_of(model, key):
        into = {"resource": model.resource, "key": successor}
        return " " + gettext("It was merged into %(resource)s/%(key)s.") % into
    keys = _bearers(model, key, viewer, values or {})
    told = {"name": key, "keys": ", ".join(keys)}
    if len(keys) == 1:
        return " " + gettext("“%(name)s” is %(keys)s.") % told
    return " " + gettext("“%(name)s” is the name of several: %(keys)s.") % told if keys else ""


def _is_text(key: str) -> bool:
    """Whether a text can be sent to the database; a body may hold half of a surrogate pair."""
    return key.isprintable()


def _bearers(model: type[Citable], name: str, viewer: Reader, values: Mapping[str, object]) -> list[str]:
    """Return the keys of visible records that have a name, as it is searched: among others, or in pinyin."""
    term = normalise_term(name)
    if not term or len(name) > LONGEST or "ngrams" not in model.search_columns:
        return []
    line = END + term + END
    rows = model.rows().visible_to(viewer).filter(model.search_condition(every(ngrams(line)), pattern(line)))
    found = Statement(text_of(rows.order_by().values(model.key_field)[:READ_ROWS])).rows(values)
    return sorted(str(key) for (key,) in found)[:MOST_NAMED]
