"""Schemes of identifiers: how each writes a value, and whether a value can be one. Values in, values out."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _
from stdnum import isni
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError as StdnumError

_WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}  # full-width letters and digits
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?([^/?#]*).*", re.DOTALL)


class SchemeError(ValueError):
    """A value that a scheme does not know; `reason` says why, in the reader's language."""

    def __init__(self, reason: object) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Scheme(NamedTuple):
    """A scheme: how a value is stored, and how one that somebody typed is read.

    `pattern` is what every stored value meets, in a form that PostgreSQL reads as Python does.
    """

    pattern: str
    read: Callable[[str], str]
    telling: bool  # whether a value alone tells that it belongs to the scheme


def _read_uscc(text: str) -> str:
    try:
        return str(uscc.validate(text))
    except StdnumError as error:
        raise SchemeError(_("It has 18 characters, the last of which checks the others (GB 32100).")) from error


def _read_isni(text: str) -> str:
    try:
        return str(isni.validate(text.rpartition("/")[2]))
    except StdnumError as error:
        raise SchemeError(_("It has 16 digits, the last of which checks the others (ISO 27729).")) from error


def _read_ror(text: str) -> str:
    value = text.lower().rpartition("/")[2]
    if re.fullmatch(ROR, value):
        number = 0
        for char in value[:-2]:
            number = number * 32 + _CROCKFORD.index(char)
        if int(value[-2:]) == 98 - number * 100 % 97:
            return value
    raise SchemeError(_("It looks like 013q1eq08, and its last two digits check the others (ROR)."))


def _read_wikidata(text: str) -> str:
    value = text.rpartition("/")[2].upper()
    if not re.fullmatch(WIKIDATA, value):
        raise SchemeError(_("It looks like Q186285."))
    return value


def _read_school(text: str) -> str:
    if not re.fullmatch(SCHOOL, text):
        raise SchemeError(_("It has 10 digits."))
    return text


def _read_domain(text: str) -> str:
    host = (found[1] if (found := _ADDRESS.fullmatch(text.lower())) else "").partition(":")[0].strip(".")
    try:
        value = host.encode("idna").decode("ascii").removeprefix("www.")
    except UnicodeError:
        value = ""
    if len(value) > 200 or not re.fullmatch(DOMAIN, value):
        raise SchemeError(_("It looks like fudan.edu.cn."))
    return value


USCC = "^[0-9A-HJ-NPQRTUWXY]{18}$"
ISNI = "^[0-9]{15}[0-9X]$"
ROR = "^0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}$"
WIKIDATA = "^Q[1-9][0-9]{0,11}$"
SCHOOL = "^[0-9]{10}$"
DOMAIN = "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z][a-z0-9-]*[a-z0-9]$"

SCHEMES: dict[str, Scheme] = {
    "uscc": Scheme(USCC, _read_uscc, telling=True),
    "school": Scheme(SCHOOL, _read_school, telling=False),
    "isni": Scheme(ISNI, _read_isni, telling=True),
    "ror": Scheme(ROR, _read_ror, telling=True),
    "wikidata": Scheme(WIKIDATA, _read_wikidata, telling=True),
    "domain": Scheme(DOMAIN, _read_domain, telling=True),
}


def normalise(scheme: str, text: str) -> str:
    """Return a value as its scheme writes it; raises SchemeError for what cannot be one."""
    plain = text.translate(_WIDE)
    return SCHEMES[scheme].read("".join(plain.split()))


def readings(text: str) -> Iterator[tuple[str, str]]:
    """Yield the identifiers that a text can be: `uscc:…` names its scheme, a bare value is read by each that tells."""
    scheme, colon, value = text.strip().translate(_WIDE).partition(":")
    named = scheme.lower() if colon and scheme.lower() in SCHEMES else ""
    for name in [named] if named else [name for name, known in SCHEMES.items() if known.telling]:
        try:
            yield name, normalise(name, value if named else text)
        except SchemeError:
            continue
