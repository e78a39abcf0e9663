"""Published articles, the places in them that support facts, attestations, and the numbers that are reported."""

from apps.evidence.models.articles import SHA256_PATTERN, Article, ArticleText, Paragraph
from apps.evidence.models.attestations import Attestation
from apps.evidence.models.changes import IssueDateCorrection, RedactedDigest, Redaction
from apps.evidence.models.figures import Figure
from apps.evidence.models.quotations import QuotedShare
from apps.evidence.models.reviews import Review
from apps.evidence.models.spans import Citation, Mark

__all__ = [
    "SHA256_PATTERN",
    "Article",
    "ArticleText",
    "Attestation",
    "Citation",
    "Figure",
    "IssueDateCorrection",
    "Mark",
    "Paragraph",
    "QuotedShare",
    "RedactedDigest",
    "Redaction",
    "Review",
]
