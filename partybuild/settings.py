"""All settings, read once from the environment; a missing or invalid value stops the start with one line.

Every variable is listed in docs/operations.md. Without DATABASE_URL, `partybuild.database` sets what an embedded
development database needs before this file is read.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from partybuild.environment import (
    env,
    read,
    read_address,
    read_bool,
    read_choice,
    read_contact,
    read_contacts,
    read_database,
    read_instant,
    read_limit,
    read_networks,
    read_origins,
    read_secret_key,
    read_share,
)

BASE_DIR = Path(__file__).resolve().parent.parent

# The place where it runs

DEBUG = read_bool("DEBUG", default=False)
SECRET_KEY = read_secret_key()
# Former keys: what they signed or hashed stays good while the key is changed.
SECRET_KEY_FALLBACKS = read(env.list, "SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = read(env.list, "ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
if "*" in ALLOWED_HOSTS and not DEBUG:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not valid: name the hosts; * is for DEBUG only")
# Seconds after which PostgreSQL cancels a statement, and for which a write waits for a lock; 0 is never.
STATEMENT_TIMEOUT: int = read(env.int, "STATEMENT_TIMEOUT", default=0)
LOCK_TIMEOUT: int = read(env.int, "LOCK_TIMEOUT", default=5)
DATABASES = {"default": read_database(STATEMENT_TIMEOUT)}

# True behind a proxy that speaks HTTPS and sets X-Forwarded-Proto itself.
HTTPS = read_bool("HTTPS", default=False)
# The networks of the proxies in front, each of which adds the address of its caller to X-Forwarded-For.
TRUSTED_PROXIES = read_networks("TRUSTED_PROXIES")
CSRF_TRUSTED_ORIGINS = read(env.list, "CSRF_TRUSTED_ORIGINS", default=[])

# Its parts

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "corsheaders",
    "apps.common.rules.trigger_registry.TriggersConfig",  # pgtrigger
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "apps.common",
    "apps.accounts",
    "apps.common.admin.apps.CuratorAdminConfig",  # behind these two: their templates replace some
    "apps.registry",
    "apps.identity",
    "apps.projects",
    "apps.events",
    "apps.evidence",
    "apps.assessments",
    "apps.explore",
    "apps.history",
    "apps.webhooks",
    "apps.docs",
    "apps.service",
]
# The curators' pages list their apps in this order.
ADMIN_APPS = ["registry", "identity", "projects", "events", "evidence", "assessments", "webhooks", "accounts", "auth"]

MIDDLEWARE = [
    "apps.common.http.middleware.RequestIdMiddleware",
    "apps.common.http.cors.CrossOriginMiddleware",
    "apps.common.resources.plain_reads.ShortcutMiddleware",  # skips all below for the reads that need none of it
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "apps.common.http.languages.LanguageMiddleware",
    "apps.common.http.middleware.AddressGuardMiddleware",
    "apps.common.http.middleware.BodyGuardMiddleware",
    "apps.common.http.middleware.RateLimitMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.accounts.sessions.SessionLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",  # last: it answers for what the log-in page refused
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

ROOT_URLCONF = "partybuild.urls"
WSGI_APPLICATION = "partybuild.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Accounts

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Stops guessing: after so many failures for one account from one address, both together have to wait; after so many for
# whatever accounts from one address, the address.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = read(env.int, "LOGIN_FAILURE_LIMIT", default=5)
AXES_COOLOFF_TIME = timedelta(minutes=read(env.int, "LOGIN_WAIT_MINUTES", default=15))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
LOGIN_ADDRESS_LIMIT: int = read(env.int, "LOGIN_ADDRESS_LIMIT", default=20)
AXES_HANDLER = "apps.accounts.failed_logins.FailureHandler"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or nobody behind a shared address would get in again
AXES_CLIENT_IP_CALLABLE = "apps.accounts.addresses.counted_address"
AXES_CLIENT_STR_CALLABLE = "apps.accounts.failed_logins.describe_client"
AXES_SENSITIVE_PARAMETERS = ["code"]  # beside the password
AXES_LOCKOUT_CALLABLE = "apps.accounts.failed_logins.locked"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True  # who logged in when is in `last_login`; more is not kept
AXES_ENABLE_ADMIN = False  # its pages speak no Chinese; `manage.py axes_reset` lets somebody in again
AXES_VERBOSE = False
OTP_TOTP_ISSUER = "partybuild"

# A session ends when the browser closes, after a time without a request, and in any case after some hours.
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_IDLE_TIME = timedelta(minutes=read(env.int, "SESSION_IDLE_MINUTES", default=60))
SESSION_LIFETIME = timedelta(hours=read(env.int, "SESSION_HOURS", default=12))
SESSION_COOKIE_AGE = int(SESSION_LIFETIME.total_seconds())

# Evidence

# How much of an article whose text is attached everybody may read: quotations up to this share of its body. Who is
# signed in reads all of them.
QUOTED_SHARE = read_share("QUOTED_SHARE", default=0.3)
# A folder with the captured pages of articles, which are attached at the start.
ARTICLES: str = read(env.str, "ARTICLES", default="articles" if (BASE_DIR / "articles").is_dir() else "")
# How many people a published record needs: with two, nobody publishes what he entered or changed last.
REVIEW_BY_TWO = read_choice("REVIEW", ("one", "two"), default="one") == "two"

# Answers

# Memory of each worker process for answers to anonymous reads; 0 keeps none.
ANSWER_CACHE_MB = read(env.int, "ANSWER_CACHE_MB", default=64)
# Costly reads (the past, searches, exports, statistics ...) that all worker processes together answer at a time: as
# many as leave a core for all else. None takes the last thread of a process. And seconds after which a statement of one
# of them is cancelled.
THREADS: int = read(env.int, "GRANIAN_BLOCKING_THREADS", default=2)
COSTLY_READS: int = read(env.int, "COSTLY_READS", default=max((os.cpu_count() or 1) - 1, 1))
COSTLY_TIMEOUT = read(env.int, "COSTLY_TIMEOUT", default=5)
# Seconds after which an export of a whole list is broken off; beside STATEMENT_TIMEOUT, which is for single answers.
EXPORT_TIMEOUT = read(env.int, "EXPORT_TIMEOUT", default=600)
# The same for each statement of an import.
IMPORT_TIMEOUT: int = read(env.int, "IMPORT_TIMEOUT", default=600)
# A file with more rows is imported behind the answer, which says where to see how far it is.
IMPORT_ROWS_AT_ONCE: int = read(env.int, "IMPORT_ROWS_AT_ONCE", default=5000)

# Webhooks

# Whether messages may go to this machine, and so without TLS: for tests and development alone.
WEBHOOKS_TO_LOOPBACK = read_bool("WEBHOOKS_TO_LOOPBACK", default=False)

# Language and time

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "apps" / "common" / "locale"]
# UTC everywhere, so that the API's instants end in Z; the admin shows them in the city's own time.
TIME_ZONE = "UTC"
USE_TZ = True

# Static files: WhiteNoise serves them from the installed packages, so there is no build step and no copy of them

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_ROOT = BASE_DIR / "apps" / "docs" / "root"  # files that are looked for at the root: favicon.ico, robots.txt
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MIMETYPES = {".jsonld": "application/ld+json"}  # the context of linked data

# Security

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# Subdomains and browsers' preload lists: not for one service of a host's owner to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# Whom to tell of a weakness, and until when that holds: /.well-known/security.txt (RFC 9116).
SECURITY_CONTACT = read_contacts("SECURITY_CONTACT")
SECURITY_EXPIRES = read_instant("SECURITY_EXPIRES") if SECURITY_CONTACT else None

# The HTTP interface

API_ROOT = "/api/v1"
# Where the OpenAPI document is kept, once it is made of this code; without it, each process makes its own.
OPENAPI_FOLDER: str = read(env.str, "OPENAPI_FOLDER", default=str(BASE_DIR / ".data" / "openapi"))
# The largest body of a request.
DATA_UPLOAD_MAX_MEMORY_SIZE: int = read(env.int, "MAX_BODY_BYTES", default=2_621_440)
# The largest file that is imported.
MAX_FILE_BYTES: int = read(env.int, "MAX_FILE_BYTES", default=20_971_520)
# Web pages of any origin may read; those of these origins may also send a token, and write.
CORS_ALLOWED_ORIGINS = read_origins("CORS_ORIGINS")
CORS_URLS_REGEX = r"/(api/v1|reconcile)(/|$)|/static/partybuild/[^/]+\.jsonld$"
CORS_PREFLIGHT_MAX_AGE = 24 * 3600
# What the scripts of such a page may read of an answer beside its body.
CORS_EXPOSE_HEADERS = [
    *("ETag", "Link", "Location", "Content-Language", "Content-Disposition", "Retry-After", "RateLimit"),
    *("RateLimit-Policy", "X-Request-ID", "X-Change-ID", "Idempotent-Replayed", "WWW-Authenticate", "Allow", "Date"),
]
# Under what licence the data may be used: for whoever runs the service to say. Without an address nothing is claimed.
DATA_LICENSE_URL = read_address("DATA_LICENSE_URL")
DATA_LICENSE_NAME = env.str("DATA_LICENSE_NAME", default="").strip()
if DATA_LICENSE_NAME and not DATA_LICENSE_URL:
    raise ImproperlyConfigured("DATA_LICENSE_URL is not set: a licence is named by its address, too")
# Whom to ask about the service.
CONTACT = read_contact("CONTACT")
# Requests in so many seconds, or no limit. Reads of nobody in particular are answered from memory and not counted,
# unless a limit is set: counting is a write.
RATE_LIMITS = {
    "token": read_limit("RATE_LIMIT_TOKEN", default="1200/60"),
    "user": read_limit("RATE_LIMIT_USER", default="1200/60"),
    "anonymous-writes": read_limit("RATE_LIMIT_ANONYMOUS_WRITES", default="60/60"),
    "anonymous-reads": read_limit("RATE_LIMIT_ANONYMOUS_READS", default=""),
    "bad-tokens": read_limit("RATE_LIMIT_BAD_TOKENS", default="30/60"),
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_SCHEMA_CLASS": "apps.common.openapi.schema.RecordSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.http.json_body.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["apps.common.filters.sets.FilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "apps.common.openapi.paging.PageSchema",
    "EXCEPTION_HANDLER": "apps.common.http.problem_answers.exception_handler",
    # Reading is open to everybody. `WWW-Authenticate` is that of the first of these.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.common.rules.permissions.RecordPermission"],
    "DEFAULT_THROTTLE_CLASSES": ["apps.accounts.throttling.RequestThrottle"],
    "UNAUTHENTICATED_USER": None,
    # `format` is read with the other parameters, so that a wrong one is named like any other.
    "URL_FORMAT_OVERRIDE": None,
    # Always with a fraction, as PostgreSQL writes it too (apps.common.serializers.compiler.instant).
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "partybuild",
    "DESCRIPTION": (
        "The registry of a city's regional partnership networks (区域化党建): which alliances exist, who belongs to"
        " them, what they do together and with what result, and which published sentence says so.\n\n"
        "A parameter that takes several values is repeated, or given once with commas between them."
    ),
    "VERSION": "1.0.0",
    "SERVERS": [{"url": "/", "description": "This service."}],
    "LICENSE": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},  # of the program, not of the data
    "CONTACT": {"name": "Whoever runs this service", **CONTACT},
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "DEFAULT_GENERATOR_CLASS": "apps.common.openapi.schema.Generator",
    "POSTPROCESSING_HOOKS": ["apps.common.openapi.schema.finish"],
    "SORT_OPERATION_PARAMETERS": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": True,
    "COMPONENT_SPLIT_REQUEST": False,
}

# Logs: to stderr, one line a record; whoever runs the service decides where they go

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    # A database that is away is no fault of the code, whose cause the log has in one line: no trace.
    "filters": {
        "no_outage": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", None) != 503,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # Django's own handlers would print the same records again, and mail them.
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        # Mistakes of clients are answered to them, not logged for the operator.
        "django.request": {"level": "ERROR", "filters": ["no_outage"]},
        # As much as a host name that is not ours, with a traceback: whoever asks could fill the log.
        "django.security": {"level": "CRITICAL"},
    },
}
