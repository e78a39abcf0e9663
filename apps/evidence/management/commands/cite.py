"""Turn a draft, in which citations quote the article, into a fixture, in which they hold positions and digests."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.evidence import spans
from apps.evidence.fixtures import exporting, files


class Command(BaseCommand):
    """In a draft a citation is a quotation, or {quote: ..., after: ..., fields: [...]}.

    `after` is a text that stands before the quotation; `fields` may be left out where the quotation supports all
    values of the record, and `read` has notes on those that a person reads so. A mark is
    {quote: ..., after: ..., reason: ..., note: ...}. The draft's article needs `body_first` and `body_last`, the words
    with which the body begins and ends. Quotations do not get into the fixture.
    """

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("draft", type=Path, help="YAML file with quotations")
        parser.add_argument("text", type=Path, help="captured page of the article")
        parser.add_argument("out", type=Path, help="YAML file to write")

    def handle(self, *, draft: Path, text: Path, out: Path, **options: object) -> None:
        try:
            content = files.read_file(draft)
            captured = spans.normalise(text.read_text(encoding="utf-8"))
            article = content["article"]
            first, last = (article.pop(name, "") for name in ("body_first", "body_last"))
            if not first or not last:
                raise spans.SpanError("article: body_first and body_last are needed")
            start, _end = spans.find(captured, first)
            _start, end = spans.find(captured, last)
            body = captured[start:end]
        except (OSError, ValueError) as error:
            raise CommandError(f"{draft}: {error}") from error
        article |= {
            "captured_file": text.name,
            "captured_sha256": spans.digest(captured),
            "body_start": start,
            "body_end": end,
            "body_sha256": spans.digest(body),
        }
        errors = []
        for resource, rows in content.items():
            if resource == "article":
                continue
            for row in rows:
                try:
                    if resource == "marks":
                        self._place(row, body)
                    else:
                        row["cite"] = self._citations(row, body)
                except spans.SpanError as error:
                    errors.append(f"{resource}/{row.get('slug') or row.get('code') or ''}: {error}")
        if errors:
            raise CommandError("\n".join(errors))
        try:
            files.merge({draft.name: content})
        except files.FixtureError as error:
            raise CommandError(str(error)) from error
        out.write_text(exporting.dump(exporting.ordered(content)), encoding="utf-8")
        self.stdout.write(f"{out}: {sum(len(rows) for name, rows in content.items() if name != 'article')} records")

    def _place(self, mark: dict[str, Any], body: str) -> None:
        """Put position and digest of a mark in the place of its quotation."""
        start, end = spans.find(body, mark.pop("quote", ""), mark.pop("after", ""))
        reason, note = mark.pop("reason", ""), mark.pop("note", "")
        mark |= {"at": [start, end], "sha256": spans.digest(body[start:end]), "reason": reason}
        if note:
            mark["note"] = note

    def _citations(self, row: dict[str, Any], body: str) -> list[dict[str, Any]]:
        """Return the citations of one record with positions, those of the same span joined."""
        given = [name for name in row if name not in ("slug", "code", "cite")] or ["name"]
        found: dict[tuple[int, int], dict[str, Any]] = {}
        cites = row.get("cite") or []
        if not isinstance(cites, list):
            raise spans.SpanError("cite is a list")
        for cite in cites:
            cite = cite if isinstance(cite, dict) else {"quote": cite}
            if unknown := cite.keys() - {"quote", "after", "fields", "read"}:
                raise spans.SpanError(f"a citation has no {', '.join(sorted(unknown))} (quote what holds a comma)")
            if not isinstance(cite.get("quote"), str):
                raise spans.SpanError("a citation is a quotation, or a mapping with quote")
            start, end = spans.find(body, cite["quote"], cite.get("after", ""))
            fields = cite.get("fields") or given
            joined = found.setdefault(
                (start, end), {"at": [start, end], "sha256": spans.digest(body[start:end]), "fields": []}
            )
            joined["fields"] += [name for name in fields if name not in joined["fields"]]
            if cite.get("read"):
                joined["read"] = {**joined.get("read", {}), **cite["read"]}
        if not found:
            raise spans.SpanError("has no citation")
        return [found[place] for place in sorted(found)]
