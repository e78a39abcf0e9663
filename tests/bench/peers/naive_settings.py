"""Settings of the naive peer: the service's, but with the middleware and the framework's defaults of a new project."""

from typing import Any

from partybuild.settings import *  # noqa: F403 - Django reads them from here
from partybuild.settings import DATABASES

# Django's own: statements are put together by the client and never prepared, each request has a connection of its own.
TUNED = ("server_side_binding", "prepare_threshold", "options")
DATABASE: dict[str, Any] = {name: value for name, value in DATABASES["default"].items() if not name.startswith("CONN_")}
DATABASE["OPTIONS"] = {name: value for name, value in DATABASE["OPTIONS"].items() if name not in TUNED}
DATABASES = {"default": DATABASE}
ROOT_URLCONF = "tests.bench.peers.naive"
STATIC_URL = "static/"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
}
