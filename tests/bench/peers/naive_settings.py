"""Settings of the naive peer: the service's apps, and otherwise what `django-admin startproject` gives."""

from partybuild.settings import (  # noqa: F401 - Django reads them from here
    ALLOWED_HOSTS,
    API_ROOT,
    AUTH_USER_MODEL,
    DATABASES,
    DEFAULT_AUTO_FIELD,
    INSTALLED_APPS,
    LANGUAGE_CODE,
    LANGUAGES,
    LOCALE_PATHS,
    LOGGING,
    MAX_FILE_BYTES,
    QUOTATIONS_PUBLIC,
    RATE_LIMITS,
    SECRET_KEY,
    SPECTACULAR_SETTINGS,
    TEMPLATES,
    TIME_ZONE,
    USE_TZ,
)

# Django's own: statements are put together by the client and never prepared, each request has a connection of its own.
TUNED = ("server_side_binding", "prepare_threshold", "options")
DATABASE = {name: value for name, value in DATABASES["default"].items() if not name.startswith("CONN_")}
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
