"""Published articles, the places in them that support facts, and the numbers they report."""

from apps.evidence.models.articles import SHA256_PATTERN, Article, ArticleText, Paragraph
from apps.evidence.models.changes import IssueDateCorrection, RedactedDigest, Redaction
from apps.evidence.models.figures import Figure
from apps.evidence.models.quotations import QuotedShare
from apps.evidence.models.spans import Citation, Mark

__all__ = [
    "SHA256_PATTERN",
    "Article",
    "ArticleText",
    "Citation",
    "Figure",
    "IssueDateCorrection",
    "Mark",
    "Paragraph",
    "QuotedShare",
    "RedactedDigest",
    "Redaction",
]
