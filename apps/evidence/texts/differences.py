"""Where a page differs from the one that an article records: of that one, digests are known and no words."""

from itertools import chain

from django.utils.translation import gettext as _

from apps.evidence import spans
from apps.evidence.models import Article, Citation, Mark


def difference(article: Article, captured: str) -> str:
    """Say in one line how a page differs from the recorded one, and where; empty where it does not.

    Citations and marks are looked at from the first to the last: up to the first that does not agree, both are alike
    wherever something is cited.
    """
    found = spans.digest(captured)
    body = captured[article.body_start : article.body_end]
    place = _place(article, body)
    if found == article.captured_sha256 and not place:
        return ""
    if not place and spans.digest(body) == article.body_sha256:
        place = _("The body is the recorded one: they differ outside of it.")
    elif not place:
        place = _("They differ in the body, where nothing is cited.")
    recorded = _("This is not the recorded page: its SHA-256 is %(found)s, and %(recorded)s is recorded.")
    both = recorded % {"found": found, "recorded": article.captured_sha256}
    return place if found == article.captured_sha256 else f"{both} {place}"


def _place(article: Article, body: str) -> str:
    """Return where the first citation or mark lies that a body does not agree with; empty where it agrees with all."""
    rows = [model.objects.filter(article=article).values_list("start", "end", "sha256") for model in (Citation, Mark)]
    for start, end, sha256 in sorted(chain(*rows), key=lambda span: (span[1], span[0])):
        if spans.digest(body[start:end]) != sha256:
            place = {"start": start, "end": end}
            message = _("At %(start)s–%(end)s of its body stand other words than those cited.") % place
            moved = spans.locate(body, start, end, sha256)
            if moved is None:
                return message
            return f"{message} " + _("The cited words stand at %(start)s–%(end)s.") % {
                "start": moved[0],
                "end": moved[1],
            }
    return ""
