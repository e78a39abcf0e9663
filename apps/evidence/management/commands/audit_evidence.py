"""Show how much of the articles the registry holds, and fail where it is less than it should be."""

from argparse import ArgumentParser
from collections import Counter

from django.core.management.base import BaseCommand, CommandError

from apps.evidence.levels import Level
from apps.evidence.models import Article
from apps.evidence.support_levels import Recomputed, recompute
from apps.evidence.workbench.coverage import VALUE, Coverage, Tally, examine
from apps.evidence.workbench.scanner import KINDS

# The kinds that are counted, as the options name them.
OPTIONS: dict[str, str] = {**{kind: kind if kind == "quoted" else f"{kind}s" for kind in KINDS}, VALUE: "values"}


class Command(BaseCommand):
    """For each article, and over all: what may state a fact, and how much of it is cited or marked as no fact.

    What is not covered is listed by its position. The thresholds are percentages that each article must reach. The
    texts of the articles must be attached (attach_articles).

    The level of each support is computed anew from the texts. Their shares are shown by kind of field; a stored level
    that is another one, and a value that its words do not say, fail the audit and are named by their place.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        for name in OPTIONS.values():
            parser.add_argument(f"--{name}", type=float, default=0, help=f"least share of {name} covered, in per cent")

    def handle(self, **options: float) -> None:
        reports = [examine(article) for article in Article.objects.order_by("slug")]
        if without := [report.article.slug for report in reports if not report.text_attached]:
            raise CommandError(f"no text is attached to {', '.join(without)}: run attach_articles first")
        if not reports:
            raise CommandError("there are no articles")
        self._table(reports)
        levels = [each for report in reports for each in recompute(report.article)]
        self._levels(levels)
        self._list(reports)
        failures = [each.problem for each in levels if each.problem]
        failures += [
            f"{report.article.slug}: {tally.percent} % of {OPTIONS[kind]} are covered, not {options[OPTIONS[kind]]:g} %"
            for report in reports
            for kind, tally in report.tallies.items()
            if tally.percent < options[OPTIONS[kind]]
        ]
        if failures:
            raise CommandError("\n".join(failures))

    def _table(self, reports: list[Coverage]) -> None:
        self._row("covered / found, %", *OPTIONS.values())
        for report in reports:
            self._row(report.article.slug, *map(self._cell, report.tallies.values()))
        totals = [sum((report.tallies[kind] for report in reports), Tally()) for kind in OPTIONS]
        self._row("total", *map(self._cell, totals))

    def _levels(self, levels: list[Recomputed]) -> None:
        """Show which share of the supports stands at each level, by the kind of the field."""
        self._row("levels, %", *Level, "supports")
        kinds = sorted({each.kind for each in levels})
        for kind in kinds:
            found = Counter(each.level for each in levels if each.kind == kind)
            total = sum(found.values())
            self._row(kind, *(f"{100 * found[level] / total:.1f}" for level in Level), f"{total:,}")

    def _row(self, first: str, *cells: str) -> None:
        self.stdout.write(f"{first:<24}" + "".join(f"{cell:>22}" for cell in cells))

    @staticmethod
    def _cell(tally: Tally) -> str:
        return f"{tally.covered:,} / {tally.total:,} {tally.percent:7.1f}"

    def _list(self, reports: list[Coverage]) -> None:
        """Say what is not covered, and how much of the rest is covered by marks alone."""
        for report in reports:
            by_marks = Counter(item.finding.kind for item in report.findings if item.marks and not item.citations)
            if by_marks:
                counts = ", ".join(f"{by_marks[kind]} {OPTIONS[kind]}" for kind in KINDS if by_marks[kind])
                self.stdout.write(f"{report.article.slug}: only marked as no fact: {counts}")
        for report in reports:
            for item in report.findings:
                if not item:
                    place = f"{item.finding.start}-{item.finding.end}"
                    self.stdout.write(f"{report.article.slug} {place:>10} {item.finding.kind:<8} {item.finding.text}")
            for value in report.values_without_evidence:
                record = f"{value.record.resource}/{value.record.key}"
                self.stdout.write(f"{report.article.slug} without evidence: {record} {value.field}")
