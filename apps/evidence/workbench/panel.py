"""The panel of the workbench: the chosen stretch, what is on record of it, and the forms to cite or mark it."""

import re
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404, HttpRequest, QueryDict
from django.urls import reverse

from apps.common.models.records import Fact
from apps.common.models.search_conditions import clean_q
from apps.evidence import spans
from apps.evidence.fixtures.files import given_names
from apps.evidence.levels.wording import resolve
from apps.evidence.workbench.bench import (
    CONTEXT,
    FOUND_PER_KIND,
    LONGEST_NAME,
    USUAL_KIND,
    Bench,
    Stretch,
    edtf_fields,
    family,
    find,
    kinds,
    label_of,
)
from apps.evidence.workbench.forms import CiteForm, MarkForm
from apps.evidence.workbench.scanner import Finding


class Panel:
    """The content of the panel for the chosen stretch of the text."""

    def __init__(self, bench: Bench, request: HttpRequest, data: QueryDict) -> None:
        self.bench = bench
        self.request = request
        self.is_chosen = "start" in data
        length = len(bench.body)
        self.start = min(_number(data.get("start")), max(length - 1, 0))
        self.end = min(max(_number(data.get("end")), self.start + 1), length)
        if (widened := data.get("widen")) in ("sentence", "paragraph"):
            self.start, self.end = getattr(spans, widened)(bench.body, self.start, self.end)
        self.kind = data.get("kind", "") if data.get("kind") in kinds() else ""
        self.path = data.get("record", "")
        self.cite_form: CiteForm | None = None
        if record := find(self.path, self.request.user) if self.path else None:
            initial = {"start": self.start, "end": self.end, "record": self.path, "supports": [record.name_field]}
            self.cite_form = CiteForm(bench=bench, target=record, initial=initial)
        self.mark_form = MarkForm(bench=bench, initial={"start": self.start, "end": self.end})
        self.query = data.get("q", self.name)[:100].replace("\0", "")

    @property
    def text(self) -> str:
        return self.bench.body[self.start : self.end]

    @property
    def quotation(self) -> spans.Quotation:
        return spans.quote(self.bench.body, self.start, self.end, max(self.end - self.start, 0) + CONTEXT)

    @property
    def name(self) -> str:
        """The part of the stretch that is most likely a name."""
        text = self.text.strip(" \u3000“”‘’《》「」『』,。，;；:：、")
        if self.finding and self.finding.kind == "date":
            return ""
        if len(text) <= LONGEST_NAME and "\n" not in text:
            return text
        quoted = [found.text for found in self.inside if found.kind in ("quoted", "name")]
        return next((name for name in quoted if len(name) <= LONGEST_NAME), "")

    @cached_property
    def inside(self) -> list[Finding]:
        """The findings within the stretch."""
        return [found for found in self.bench.findings if self.start <= found.start and found.end <= self.end]

    @property
    def stretches(self) -> list[Stretch]:
        return self.bench.at(self.start, self.end) if self.is_chosen else []

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(name, label_of(str(model._meta.verbose_name))) for name, model in kinds().items()]

    @property
    def new_kinds(self) -> list[tuple[str, str]]:
        """The kinds that can be made here: divisions come from the gazetteer."""
        return [
            (name, label_of(str(model._meta.verbose_name)))
            for name, model in kinds().items()
            if issubclass(model, Fact) and admin.site.get_model_admin(model).has_add_permission(self.request)
        ]

    @property
    def usual_kind(self) -> str:
        return USUAL_KIND.get(self.finding.kind, "member-units") if self.finding else "member-units"

    @property
    def finding(self) -> Finding | None:
        """The finding that the stretch is."""
        return next((found for found in self.inside if (found.start, found.end) == (self.start, self.end)), None)

    @property
    def results(self) -> list[tuple[str, str, str, str]]:
        """Records that bear the name searched for: path, family, kind and label, the nearest names first."""
        if not self.is_chosen or not clean_q(self.query):
            return []
        found = []
        for resource, model in kinds().items():
            page: Any = admin.site.get_model_admin(model)
            if (self.kind and resource != self.kind) or not page.has_view_permission(self.request):
                continue
            matches, _duplicates = page.get_search_results(self.request, page.option_queryset(self.request), self.query)
            for record in matches[: FOUND_PER_KIND * (4 if self.kind else 1)]:
                label = page.option_label(record)
                distance = (str(record) != self.query, self.query not in label, len(label))
                found.append(
                    (distance, (f"{resource}/{record.key}", family(model), str(model._meta.verbose_name), label))
                )
        return [row for _distance, row in sorted(found, key=lambda pair: pair[0])[:20]]

    def new_address(self, resource: str) -> str:
        """Return the address of the form that adds a record of a kind, with what the text says filled in."""
        if resource not in dict(self.new_kinds):
            raise Http404
        model = kinds()[resource]
        own = {f.name: f for f in model._meta.concrete_fields}
        values: dict[str, str] = {name: self.name for name in ("name", "as_written") if name in own and self.name}
        if "as_written" in values:
            values["as_written"] = self.text[: own["as_written"].max_length]
        if "value" in own and (number := re.match(r"[0-9.]+", self.text.replace(",", ""))):
            values["value"] = number[0]
        supported = [name for name in values if name in given_names(model)]
        if (dates := edtf_fields(model)) and (wording := self.date_wording):
            date = dates[0].name
            values |= self._date_values(date, wording)
            supported.append(date)
        citation = {
            "article": self.bench.article.pk,
            "start": self.start,
            "end": self.end,
            "sha256": spans.digest(self.text),
            "supports": ",".join(supported),
        }
        values |= {f"citation_{name}": str(value) for name, value in citation.items()}
        return f"{reverse(f'admin:{model._meta.app_label}_{model._meta.model_name}_add')}?{urlencode(values)}"

    @property
    def date_wording(self) -> str:
        """The words for a date in the stretch or, failing that, in the sentence around it."""
        start, end = spans.sentence(self.bench.body, self.start, self.end)
        dates = [found for found in self.bench.findings if found.kind == "date"]
        near = [found for found in dates if start <= found.start and found.end <= end]
        return next((found.text for found in (*(f for f in self.inside if f.kind == "date"), *near)), "")

    def _date_values(self, date: str, wording: str) -> dict[str, str]:
        if absolute := re.fullmatch(r"(\d{4})年(?:(\d{1,2})月)?(?:(\d{1,2})[日号])?", wording):
            year, *rest = absolute.groups()
            return {date: "-".join([year, *(part.zfill(2) for part in rest if part)]), f"{date}_wording": wording}
        issued = self.bench.article.issued_on
        meaning = resolve(wording, issued) or ""
        return {date: meaning, f"{date}_wording": wording, f"{date}_relative_to": issued if meaning else ""}


def _number(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"[0-9]{1,7}", text) else 0
