"""The network for programs that draw and measure graphs: GraphML, and GEXF 1.3. Values in, XML out."""

import re
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import TypedDict
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

# Characters that XML 1.0 cannot hold even as a reference.
UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Identifiers of GraphML are name tokens, which have neither a slash nor a number sign.
NAME_TOKEN = str.maketrans("/#", ":.")

NODE_TEXTS = (
    *("resource", "resource_label", "kind", "kind_label", "name", "name_pinyin"),
    *("status", "status_label", "starts_on", "ends_on", "url", "state"),
)
EDGE_TEXTS = (
    *("kind", "kind_label", "role", "role_label", "status", "status_label", "starts_on", "ends_on", "url"),
    *("state", "evidence"),
)
# Each with its type, which GraphML and GEXF call the same.
NODE_ATTRIBUTES = {**dict.fromkeys(NODE_TEXTS, "string"), "degree": "int"}
EDGE_ATTRIBUTES = dict.fromkeys(EDGE_TEXTS, "string")


class GraphContent(TypedDict):
    """The part of a network that the formats hold: its nodes and edges, as its JSON has them."""

    nodes: list[dict[str, object]]
    edges: list[dict[str, object]]


class XmlWriter:
    """Writes elements of XML, one below the other."""

    def __init__(self) -> None:
        self.out = StringIO()
        self.xml = XMLGenerator(self.out, "utf-8", short_empty_elements=True)
        self.xml.startDocument()

    def start(self, name: str, /, **attributes: str) -> None:
        """Open an element."""
        self.xml.startElement(name, AttributesImpl({key: clean(value) for key, value in attributes.items()}))

    def end(self, name: str) -> None:
        """Close an element."""
        self.xml.endElement(name)
        self.xml.ignorableWhitespace("\n")

    def element(self, name: str, text: str = "", /, **attributes: str) -> None:
        """Write a whole element."""
        self.start(name, **attributes)
        self.xml.characters(clean(text))
        self.end(name)

    def document(self) -> bytes:
        """Return the document."""
        self.xml.endDocument()
        return self.out.getvalue().encode()


def clean(text: str) -> str:
    """Return a text with a mark in the place of each character that XML cannot hold."""
    return UNWRITABLE.sub("\ufffd", text)


def values(item: Mapping[str, object], attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the attributes of a node or an edge that have a value, as texts; evidence as addresses of citations."""
    for name in attributes:
        value = item.get(name)  # not everybody is told the state
        if isinstance(value, list):
            value = " ".join(citation["url"] for citation in value)
        if value not in (None, ""):
            yield name, str(value)


def graphml(network: GraphContent) -> bytes:
    """Return a network as GraphML. Identifiers are `resource:key`; `url` of a node has its address."""
    xml = XmlWriter()
    xml.start("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    for target, attributes in (("node", NODE_ATTRIBUTES), ("edge", EDGE_ATTRIBUTES)):
        for name, kind in attributes.items():
            # The names of attributes, `for` among them, are words of Python.
            xml.element("key", **{"id": f"{target}.{name}", "for": target, "attr.name": name, "attr.type": kind})
    xml.start("graph", id="network", edgedefault="directed")
    for node in network["nodes"]:
        xml.start("node", id=str(node["id"]).translate(NAME_TOKEN))
        for name, value in values(node, NODE_ATTRIBUTES):
            xml.element("data", value, key=f"node.{name}")
        xml.end("node")
    for edge in network["edges"]:
        ends = {end: str(edge[end]).translate(NAME_TOKEN) for end in ("id", "source", "target")}
        xml.start("edge", **ends)
        for name, value in values(edge, EDGE_ATTRIBUTES):
            xml.element("data", value, key=f"edge.{name}")
        xml.end("edge")
    xml.end("graph")
    xml.end("graphml")
    return xml.document()


def gexf(network: GraphContent) -> bytes:
    """Return a network as GEXF 1.3. Identifiers are those of the JSON."""
    xml = XmlWriter()
    xml.start("gexf", xmlns="http://gexf.net/1.3", version="1.3")
    xml.start("meta")
    xml.element("creator", "partybuild")
    xml.end("meta")
    xml.start("graph", defaultedgetype="directed", mode="static")
    for target, attributes in (("node", NODE_ATTRIBUTES), ("edge", EDGE_ATTRIBUTES)):
        xml.start("attributes", **{"class": target, "mode": "static"})
        for name, kind in attributes.items():
            xml.element("attribute", id=name, title=name, type="integer" if kind == "int" else kind)
        xml.end("attributes")
    xml.start("nodes")
    for node in network["nodes"]:
        xml.start("node", id=str(node["id"]), label=str(node["name"]))
        _attvalues(xml, node, NODE_ATTRIBUTES)
        xml.end("node")
    xml.end("nodes")
    xml.start("edges")
    for edge in network["edges"]:
        ends = {name: str(edge[name]) for name in ("id", "source", "target")}
        xml.start("edge", **ends, label=str(edge["kind_label"]))
        _attvalues(xml, edge, EDGE_ATTRIBUTES)
        xml.end("edge")
    xml.end("edges")
    xml.end("graph")
    xml.end("gexf")
    return xml.document()


def _attvalues(xml: XmlWriter, item: Mapping[str, object], attributes: Mapping[str, str]) -> None:
    xml.start("attvalues")
    for name, value in values(item, attributes):
        xml.element("attvalue", **{"for": name, "value": value})
    xml.end("attvalues")
