"""Does a span say the value? Values and words in, verdict out; nothing here knows the database."""

from apps.evidence.levels.check import check
from apps.evidence.levels.verdicts import Context, FieldKind, FieldRule, Level, Named, Verdict

__all__ = ["Context", "FieldKind", "FieldRule", "Level", "Named", "Verdict", "check"]
