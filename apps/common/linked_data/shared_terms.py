"""Terms of linked data that fields of many resources share (W3C ORG, PROV-O, Web Annotation, SKOS; schema.org).

Each app says in its `linked_terms` what every field of its resources is called, mapped or dropped with a reason; a test
finds one that does not. Where no shared vocabulary has a fitting term, `pb:` does (see docs/guide/en/formats.md).
"""

from apps.common.linked_data.rules import ADDRESS, TermRule, concept, reverse, value, words

BASE = {
    "url": ADDRESS,
    "slug": value("dcterms:identifier"),
    "citations": reverse("oa:hasBody"),
    "attestations": reverse("prov:wasInfluencedBy"),
    "updated_at": value("dcterms:modified"),
}
# Of rows that have no name of their own.
ROW = {**BASE, "name": words("schema:name")}
NAMED = {**BASE, "name": value("schema:name"), "name_pinyin": TermRule("pinyin", ("schema:name",))}
NAME_GIVEN = {"name_given": value("pb:nameGiven")}
SUMMED_UP = {**NAMED, "summary": value("schema:description"), "figures": reverse("schema:observationAbout")}
STATUS = {"status": concept("pb:status")}
TYPE = {"kind": concept("dcterms:type")}
ROLE = {"role": concept("prov:hadRole")}
