"""What is quoted of an article, and to whom: in Python, beside what answers do by SQL (`models.quotations`)."""

from collections.abc import Iterable

from django.conf import settings
from django.db import transaction

from apps.common.serializers.quoting import NOT_ATTACHED, Quoting, withheld
from apps.evidence import spans
from apps.evidence.models import Article, ArticleText, Citation, QuotedShare
from apps.evidence.texts.choosing import Part, around, choose


@transaction.atomic
def settle(article: Article) -> bool:
    """Choose what everybody may read of an article; returns whether that changed.

    What was chosen before stays, and more is added where there is room; all is chosen anew where the share has become
    smaller.
    """
    known = QuotedShare.objects.select_for_update().filter(article=article).first()
    most = int(settings.QUOTED_SHARE * article.body_length)
    kept = known.parts if known and known.share <= settings.QUOTED_SHARE and known.most <= most else []
    cited = Citation.objects.filter(article=article).order_by()
    found = ((start, end, (kind, pk)) for start, end, kind, pk in cited.values_list(*SPAN))
    parts = choose(article.body_length, most, (((start, end), record) for start, end, record in found), kept)
    if known and (known.share, known.most, known.parts) == (settings.QUOTED_SHARE, most, parts):
        return False
    made = {"share": settings.QUOTED_SHARE, "most": most, "parts": parts}
    QuotedShare.objects.update_or_create(article=article, defaults=made)
    return True


SPAN = ("start", "end", "content_type_id", "object_id")


class Bodies:
    """The bodies of some articles, as far as they are attached and a reader is shown them."""

    def __init__(self, articles: Iterable[int], quoting: Quoting) -> None:
        self.quoting = quoting
        texts = ArticleText.objects.filter(article__in=set(articles)).select_related("article__quoted_share")
        self._texts = {text.article_id: text for text in texts}

    def attached(self, article: int) -> bool:
        """Return whether the text of an article is attached."""
        return article in self._texts

    def shown(self, article: int, start: int, end: int) -> Part | None:
        """Return the part of a body that the reader is shown and that holds a stretch; None where none does."""
        if article not in self._texts:
            return None
        if self.quoting.everything:
            return 0, self._texts[article].article.body_length
        quoted = getattr(self._texts[article].article, "quoted_share", None)
        if quoted is None or not self.quoting.share or quoted.share > self.quoting.share:
            return None
        return around(quoted.parts, start, end)

    def quotation(self, article: int, start: int, end: int) -> dict[str, object] | None:
        """Return the words at a place with what stands around them; None where the reader is not shown them."""
        part = self.shown(article, start, end)
        return spans.quote(self._texts[article].body, start, end, shown=part)._asdict() if part else None

    def unquoted_because(self, article: int, start: int, end: int) -> str | None:
        """Return why there is no quotation, in the active language; None where there is one."""
        if not self.attached(article):
            return str(NOT_ATTACHED)
        return None if self.shown(article, start, end) else withheld(self.quoting)
