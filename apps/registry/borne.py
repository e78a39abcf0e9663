"""A body that makes a unit by its identifier: which evidence in it is the unit's, and which is the identifier's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from apps.common.http.problems import Refusal
from apps.common.writing.contract import EVIDENCE

IDENTIFIERS = "identifiers"  # what evidence of the identifier supports in the body of its unit
SAID = ["scheme", "value"]  # the fields of the identifier that it says

Error = dict[str, str]


@dataclass
class BodyPart:
    """Members of a body that are for one record, with the positions at which their evidence stands in the request.

    The address gives the other values of the identifier, so that errors in them have no place in the request.
    """

    members: dict[str, object] = field(default_factory=dict)
    positions: dict[str, list[int]] = field(default_factory=dict)
    by_address: tuple[str, ...] = ()

    @contextmanager
    def placing(self, flaws: Sequence[Error] = ()) -> Iterator[None]:
        """Have errors point at the request, as `flaws` do already. Raises the Refusal again."""
        try:
            yield
        except Refusal as refusal:
            errors = refusal.errors and [each if each in flaws else self._placed(each) for each in refusal.errors]
            raise Refusal(refusal.code, str(refusal.detail), errors, refusal.headers) from refusal

    def _placed(self, error: Error) -> Error:
        member, *rest = error["pointer"].removeprefix("/").split("/")
        if member in self.by_address:
            return {**error, "pointer": ""}
        if member in self.positions and rest:
            rest[0] = str(self.positions[member][int(rest[0])])
            return {**error, "pointer": "/".join(["", member, *rest])}
        return error


def divide(body: Mapping[str, object]) -> tuple[BodyPart, BodyPart]:
    """Return what a body says of the unit, and the evidence in it that supports the identifier.

    A note on how the identifier was read is one on its scheme: a value has to stand in the words.
    """
    unit, identifier = BodyPart(dict(body)), BodyPart(by_address=("unit", "slug", *SAID))
    for name in EVIDENCE:
        if not isinstance(items := body.get(name), list):
            continue
        shares = [_shares(item) for item in items]
        for part, place in ((unit, 0), (identifier, 1)):
            own = [(number, item) for number, share in enumerate(shares) for item in share[place]]
            if own or part is unit:
                part.members[name] = [item for _number, item in own]
                part.positions[name] = [number for number, _item in own]
    return unit, identifier


def _shares(item: object) -> tuple[list[object], list[object]]:
    """Return what an item of evidence is to the unit and to the identifier: one item or none each."""
    supports = item.get("supports") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(supports, list) or IDENTIFIERS not in supports:
        return [item], []
    left = [name for name in supports if name != IDENTIFIERS]
    own, borne = {**item, "supports": left}, {**item, "supports": SAID}
    if isinstance(notes := item.get("read"), dict):
        own["read"] = {name: note for name, note in notes.items() if name != IDENTIFIERS}
        borne["read"] = {"scheme": notes[IDENTIFIERS]} if IDENTIFIERS in notes else {}
    return ([own] if left else []), [borne]
