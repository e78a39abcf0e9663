"""The licence of the data, which whoever runs the service states (`DATA_LICENSE_URL`); else nothing is claimed."""

from typing import TypedDict

from django.conf import settings
from django.http.response import HttpResponseBase


class Licence(TypedDict):
    """A licence: its name and its address."""

    name: str
    url: str


def licence() -> Licence | None:
    """Return the licence of the data, if one is stated."""
    if not settings.DATA_LICENSE_URL:
        return None
    return {"name": settings.DATA_LICENSE_NAME or settings.DATA_LICENSE_URL, "url": settings.DATA_LICENSE_URL}


def say_licence(response: HttpResponseBase) -> HttpResponseBase:
    """Name the licence in the header `Link` of an answer with data (RFC 8288), behind what stands there."""
    if settings.DATA_LICENSE_URL and response.status_code == 200:
        link = f'<{settings.DATA_LICENSE_URL}>; rel="license"'
        response.headers["Link"] = f"{response.headers['Link']}, {link}" if "Link" in response.headers else link
    return response
