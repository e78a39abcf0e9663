"""How much CPU the coverage of one article costs with 10,000 known names.

    python manage.py shell < tests/bench/coverage_benchmark.py   (nothing is written; texts must be attached)

Process time, medians of 30 runs: building what finds the names; the computation, with it built; and the same for all
that the command and the address do, queries included.
"""

# ruff: noqa: T201 - it prints its figures

import statistics
import time
from collections.abc import Callable
from typing import Any

from apps.evidence.models import ArticleText
from apps.evidence.workbench import coverage, scanner

NAMES = 10_000
RUNS = 30


def cost(action: Callable[[], Any]) -> float:
    """Return the milliseconds of CPU that an action takes."""
    begin = time.process_time()
    action()
    return 1000 * (time.process_time() - begin)


def report(label: str, before: Callable[[], Any], action: Callable[[], Any]) -> None:
    """Print the median cost of an action; what `before` does is not counted."""
    costs = []
    for _run in range(RUNS):
        before()
        costs.append(cost(action))
    print(f"{label:<66}{statistics.median(costs):7.1f} ms (worst {max(costs):.1f})")


def main() -> None:
    """Measure the longest article."""
    text = max(ArticleText.objects.select_related("article"), key=lambda text: len(text.body))
    names = coverage.known_names()
    print(f"{text.article.slug}: {len(text.body):,} characters; {len(names):,} names in the registry")
    names = dict(list(names.items())[:NAMES])
    names |= {f"测试单位第{number}号": ["member-units/x"] for number in range(NAMES - len(names))}
    found = coverage.examine(text.article)
    citations = [place for item in found.findings for place in item.citations]
    marks = [place for item in found.findings for place in item.marks]

    def compute() -> None:
        coverage.cover(scanner.scan(text.body, names), citations, marks)

    forget = scanner._automaton.cache_clear
    patterns = tuple(names)
    report(f"automaton of {len(names):,} names", forget, lambda: scanner._automaton(patterns))
    report("scan and cover, automaton built", lambda: None, compute)
    report("scan and cover, automaton built anew", forget, compute)
    report("examine with all queries, automaton built", lambda: None, lambda: coverage.examine(text.article))

    def forget_all() -> None:
        forget()
        coverage._names.cache_clear()

    report("examine with all queries, names and automaton anew", forget_all, lambda: coverage.examine(text.article))


main()
