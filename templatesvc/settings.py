"""Settings, which all come from the environment; the README has the table.

``NAME_FILE`` may name a file that has the value of ``NAME``, as for the secrets of containers.
A value that can't be read stops the start with a sentence. The system checks in
``templatesvc.ops.checks`` find values that can be read but are unsafe.
"""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import unquote

from corsheaders.defaults import default_headers
from django.core.exceptions import ImproperlyConfigured
from environs import EnvValidationError, validate
from marshmallow import ValidationError

from templatesvc import keys
from templatesvc.durations import duration
from templatesvc.environment import Environment
from templatesvc.overview import OVERVIEW
from templatesvc.rates import Rate

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = Environment()
env.add_parser("duration", duration)


@env.parser_for("parts")
def _parts(value: str) -> list[str]:
    return [part for each in value.split(",") if (part := each.strip())]


@env.parser_for("networks")
def _networks(value: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(part) for part in _parts(value)]
    except ValueError as error:
        raise ValidationError(
            f"Must be addresses or networks with commas between: {error}."
        ) from error


# A name, .name for all names below it, or an address. Django compares it with the Host header
# without a port, so a scheme, a port, a path or *.name would never match.
HOST = re.compile(r"\*|\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", re.I | re.A)


@env.parser_for("hosts")
def _hosts(value: str) -> list[str]:
    hosts = _parts(value)
    wrong = [host for host in hosts if not HOST.fullmatch(host)]
    if wrong or not hosts:
        raise ValidationError(
            "Must be host names with commas between, such as example.org, .example.org (with all "
            "names below it) or [::1], without a scheme, a port or a path"
            + (f", not {', '.join(wrong)}." if wrong else ".")
        )
    return hosts


def _count(name: str, default: int, at_least: int = 1, at_most: int = 2**31 - 1) -> int:
    bounds = validate.Range(at_least, at_most, error="Must be from {min} to {max}.")
    return env.int(name, default, validate=bounds)


# --- Where the data live ---------------------------------------------------------------------

STORE_URI = validate.Regexp(
    r"$|mongodb://.|mongodb\+srv://.|mongomock://",
    error="Must start with mongodb://, mongodb+srv:// or mongomock://, or be unset.",
)
DATABASE_NAME = validate.Regexp(
    r'[^\s\0/\\."$]{1,63}$',
    error="A database's name has 1 to 63 characters, and no blank, slash, dot, quote or $ in it.",
)


def _path_of_uri(uri: str) -> None:
    """Refuse a path that can't be a database's name."""
    if name := unquote(uri.partition("?")[0].partition("://")[2].partition("/")[2]):
        DATABASE_NAME(name)


MONGODB_URI: str = env.str("MONGODB_URI", "", validate=[STORE_URI, _path_of_uri])
# The database if the URI names none.
MONGODB_DATABASE: str = env.str("MONGODB_DATABASE", "mydatabase", validate=DATABASE_NAME)
EMBEDDED_STORE = VAR_DIR / "store"
# Documents that share their collection with another program's: see mongo.documents.base_of.
DOCUMENT_BASES: dict[str, str] = {}
# Django's ORM has no database: everything is in MongoDB.
DATABASES: dict[str, object] = {}

# --- Secrets and hosts -----------------------------------------------------------------------

DEBUG: bool = env.bool("DEBUG", False)
# Whether this process may have real data, so that the checks for deployments apply.
PRODUCTION = not DEBUG and (MONGODB_URI or "").startswith("mongodb")
# "unset" is too short for the checks, so that nobody forgets the key in production.
SECRET_KEY: str = env.str("SECRET_KEY", "") or (
    "unset" if PRODUCTION else keys.stored_key(VAR_DIR / "secret_key")
)
JWT_SECRET_KEY: str = env.str("JWT_SECRET_KEY", "") or keys.derived_key(SECRET_KEY, "jwt")
ALLOWED_HOSTS: list[str] = env.hosts("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")

# Cookies are sent over HTTPS only, and browsers are told to use nothing else. The proxy that ends
# TLS redirects from HTTP, and this service can't speak for subdomains.
HTTPS: bool = env.bool("HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W004",  # this, 010, 012 and 016: templatesvc.W003 says once what to set
    "security.W005",
    "security.W008",
    "security.W010",
    "security.W012",
    "security.W016",
    "security.W021",
    "admin.E409",  # the operators' site brings the middleware of messages along for its pages alone
]
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "templatesvc.admin.sites.csrf_failure"

# --- Who is calling --------------------------------------------------------------------------

ACCESS_TOKEN_LIFETIME: timedelta = env.duration("ACCESS_TOKEN_LIFETIME", "1d")
# At least twice the five minutes after which the use of a browser's session prolongs it.
REFRESH_TOKEN_LIFETIME: timedelta = env.duration("REFRESH_TOKEN_LIFETIME", "14d", at_least="10m")
REFRESH_TOKEN_GRACE: timedelta = env.duration("REFRESH_TOKEN_GRACE", "30s", at_least="0s")
SESSION_MAX_AGE: timedelta = env.duration("SESSION_MAX_AGE", "90d")
# Longer than any request takes: a running one may still write documents of the erased user.
ERASED_NAME_HOLD: timedelta = env.duration("ERASED_NAME_HOLD", "1h", at_least="0s")
MAX_SESSIONS: int = _count("MAX_SESSIONS", 100)
JWT_PREVIOUS_KEYS: list[str] = env.parts("JWT_PREVIOUS_KEYS", "")
JWT_ISSUER: str = env.str("JWT_ISSUER", "templatesvc")
JWT_AUDIENCE: str = env.str("JWT_AUDIENCE", "templatesvc")
AUDIT_RETENTION: timedelta = env.duration("AUDIT_RETENTION", "365d")
PASSWORD_POLICY: str = env.str(
    "PASSWORD_POLICY", "basic", validate=validate.OneOf(["basic", "strict"])
)
PASSWORD_HASHER: str = env.str("PASSWORD_HASHER", "accounts.hashers.Argon2idHasher")

AUTH_USER_MODEL = "accounts.Account"
AUTHENTICATION_BACKENDS = ["accounts.backends.MongoBackend"]
# The first hasher makes new hashes; those of the others are replaced at the next log-in.
PASSWORD_HASHERS = list(
    dict.fromkeys(
        [
            PASSWORD_HASHER,
            "accounts.hashers.Argon2idHasher",
            "django.contrib.auth.hashers.ScryptPasswordHasher",
            "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        ]
    )
)


@env.parser_for("rate")
def _rate(value: str | Rate) -> Rate | None:
    return Rate.parse(value) if isinstance(value, str) else value


LOGIN_LIMIT_PER_USER: Rate | None = env.rate("LOGIN_LIMIT_PER_USER", "10/15m")
LOGIN_LIMIT_PER_ADDRESS: Rate | None = env.rate("LOGIN_LIMIT_PER_ADDRESS", "100/15m")
# The audit keeps each log-in for long. This lets a program log in every half a minute.
SUCCESSFUL_LOGIN_LIMIT: Rate | None = env.rate("SUCCESSFUL_LOGIN_LIMIT", "3000/1d")
REGISTRATION_LIMIT: Rate | None = env.rate("REGISTRATION_LIMIT", "60/1h")
# Proxies whose X-Forwarded-For and X-Forwarded-Prefix are believed, as addresses or networks.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", "")
# The service's path, if a proxy forwards whole paths; gunicorn reads this variable as well.
SCRIPT_NAME: str = env.str(
    "SCRIPT_NAME",
    "",
    validate=validate.Regexp(
        r"((/[\w~-][\w.~-]*)+)?$",
        re.A,
        error="Must be a path such as /templates, without a slash at its end.",
    ),
)

STRICT_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["username"]},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTH_PASSWORD_VALIDATORS = STRICT_PASSWORD_VALIDATORS if PASSWORD_POLICY == "strict" else []

SESSION_ENGINE = "accounts.sessions"
LOGIN_URL = "rest_framework:login"
LOGIN_REDIRECT_URL = "api-root"
LOGOUT_REDIRECT_URL = "api-root"

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "REFRESH_TOKEN_LIFETIME": REFRESH_TOKEN_LIFETIME,
    "USER_ID_FIELD": "username",
    "USER_ID_CLAIM": "sub",
    "TOKEN_TYPE_CLAIM": "type",
    "AUTH_TOKEN_CLASSES": ["accounts.tokens.AccessToken"],
}

# --- The application -------------------------------------------------------------------------

# The name of the service on pages.
SERVICE_NAME = "Templates service"
INSTALLED_APPS = [
    "templatesvc",
    "accounts",  # before django.contrib.auth: the first app wins a command's name
    "templates_app",
    # For its site and templates. AdminConfig would load every admin.py, also those that need SQL.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.messages",
    "django.contrib.auth",  # SimpleJWT imports its models, and those contenttypes'
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "templatesvc.ops.request_ids.RequestIDMiddleware",
    "templatesvc.server.bodies.BodyMiddleware",
    "templatesvc.server.stalls.CallerMiddleware",
    "templatesvc.api.encoding.EncodingMiddleware",
    "templatesvc.api.http.HTTPMiddleware",
    "templatesvc.api.deadlines.RequestDeadlineMiddleware",
    "templatesvc.ops.health.IndexesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "templatesvc.api.staticfiles.StaticFilesMiddleware",
    "templatesvc.api.compression.CompressionMiddleware",
    "accounts.middleware.SessionMiddleware",
    "templatesvc.ops.health.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "templatesvc.urls"
WSGI_APPLICATION = "templatesvc.wsgi.application"
# Other sites whose pages may call the API from a browser, with a token, never with a cookie.
CORS_ALLOWED_ORIGINS: list[str] = env.parts("CORS_ALLOWED_ORIGINS", "")
CORS_URLS_REGEX = r"^/(?!admin|api-auth)"
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key", "if-match", "if-none-match"]
CORS_EXPOSE_HEADERS = [
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Retry-After",
    "Sunset",
    "X-Request-ID",
]
if CORS_ALLOWED_ORIGINS:
    MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *MIDDLEWARE]
# The token that Prometheus sends to /metrics; without it nothing is measured.
METRICS_TOKEN: str = env.str(
    "METRICS_TOKEN",
    "",
    validate=validate.Regexp(
        r"[A-Za-z0-9._~+/-]*=*\Z",  # RFC 6750, section 2.1
        error="A bearer token has letters, digits and ._~+/- in it, and = at its end alone.",
    ),
)
if METRICS_TOKEN:
    MIDDLEWARE = [
        "django_prometheus.middleware.PrometheusBeforeMiddleware",
        *MIDDLEWARE,
        "templatesvc.ops.measurement.MeasurementMiddleware",
    ]
# First, because the others look at the path.
MIDDLEWARE = [
    "templatesvc.api.headers.HeadersMiddleware",
    "templatesvc.api.proxies.PathPrefixMiddleware",
    *MIDDLEWARE,
]
# Every path is routed with and without a final slash; a redirect would lose a POST's body.
APPEND_SLASH = False
MAX_BODY_SIZE: int = _count("MAX_BODY_SIZE", 2 * 1024 * 1024, at_least=1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_SIZE
FILE_UPLOAD_HANDLERS = ["templatesvc.api.parsers.FieldsOnly"]

# --- Reading much -----------------------------------------------------------------------------

# How long the store may take for one batch of a list or a stream, or be away while one is read. A
# stream goes on as long as batches come, but not longer than its lifetime. (MongoDB counts
# milliseconds in 32 bits, which are enough for 24 days.)
STREAM_SILENCE: timedelta = env.duration("STREAM_SILENCE", "20s", at_most="1d")
STREAM_LIFETIME: timedelta = env.duration("STREAM_LIFETIME", "1h")
# The most bytes of stored documents on a page of a list, unless one document is larger.
MAX_PAGE_SIZE: int = _count("MAX_PAGE_SIZE", 1024 * 1024, at_least=1024)
# How long a search looks at documents before it answers with those that it has found.
SEARCH_TIME: timedelta = env.duration("SEARCH_TIME", "2s", at_least="0s", at_most="1d")

# --- Resources -------------------------------------------------------------------------------

# How many old versions of a document are kept (0: none), and how long.
HISTORY_VERSIONS: int = _count("HISTORY_VERSIONS", 50, at_least=0, at_most=1000)
HISTORY_RETENTION: timedelta = env.duration("HISTORY_RETENTION", "30d")
REQUIRE_IF_MATCH: bool = env.bool("REQUIRE_IF_MATCH", False)
IDEMPOTENCY_RETENTION: timedelta = env.duration("IDEMPOTENCY_RETENTION", "1d")
MAX_IMPORT_SIZE: int = _count("MAX_IMPORT_SIZE", 10 * 1024 * 1024, at_least=1024)


@env.parser_for("quota")
def _quota(value: str | int) -> int | None:
    if str(value).lower() == "off":
        return None
    try:
        return validate.Range(min=0, max=2**63 - 1)(int(value))
    except ValueError as error:
        raise ValidationError("Must be a whole number, or off.") from error


# What each owner may keep, unless operators give them limits of their own.
QUOTA_DOCUMENTS: int | None = env.quota("QUOTA_DOCUMENTS", 100_000)
QUOTA_BYTES: int | None = env.quota("QUOTA_BYTES", 1024**3)

# --- Pages -----------------------------------------------------------------------------------

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["templatesvc.templatetags.service"],
        },
    }
]
# A cookie carries messages to the next page, so that nothing has to be stored.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
STATIC_URL = "/static/"
STORAGES = {"staticfiles": {"BACKEND": "templatesvc.api.staticfiles.StaticFilesStorage"}}
# Static files are served straight from their packages, without a step that could be forgotten.
WHITENOISE_USE_FINDERS = True
# Not for ever, because the names stay the same when a package is updated.
WHITENOISE_MAX_AGE = 24 * 3600

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.JWTAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "templatesvc.api.parsers.JSONParser",
        "templatesvc.api.parsers.FormParser",
        "templatesvc.api.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": [
        "templatesvc.api.renderers.JSONRenderer",
        "templatesvc.api.pages.BrowsableAPIRenderer",
    ],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "templatesvc.api.negotiation.ContentNegotiation",
    "DEFAULT_SCHEMA_CLASS": "templatesvc.api.schema.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": None,
    "DATETIME_FORMAT": None,  # templatesvc.api.notation writes times
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is answered by templatesvc.api.http
    "EXCEPTION_HANDLER": "templatesvc.api.problems.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}


@env.parser_for("contact")
def _contact(value: str) -> dict[str, str]:
    """Return the contact for the schema."""
    if not value:
        return {}
    if re.fullmatch(r"https?://\S+", value):
        return {"url": value}
    if re.fullmatch(r"[^\s@]+@[^\s@]+", value):
        return {"email": value}
    raise ValidationError("Must be a URL or an e-mail address.")


CONTACT: dict[str, str] = env.contact("CONTACT", "")
SPECTACULAR_SETTINGS = {
    "TITLE": "Templates",
    "DESCRIPTION": OVERVIEW,
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    # `make lint` checks the schema: made for each check of the settings, it takes half a second.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "PREPROCESSING_HOOKS": ["templatesvc.api.schema.without_final_slash"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "templatesvc.api.sparse.with_sparse_rows",
        "templatesvc.api.schema.with_examples",
        "templatesvc.api.schema.with_servers",
        "templatesvc.api.schema.with_tags",
        "templatesvc.api.schema.with_security",
    ],
}

# --- The process -----------------------------------------------------------------------------

PORT: int = _count("PORT", 8000, at_most=65535)
WEB_CONCURRENCY: int = _count("WEB_CONCURRENCY", 2)
# At least two, because one address may have all but one.
WEB_THREADS: int = _count("WEB_THREADS", 4, at_least=2)
# The time and the room that a client may take before its connection is closed.
HEAD_TIMEOUT: timedelta = env.duration("HEAD_TIMEOUT", "15s")
BODY_TIMEOUT: timedelta = env.duration("BODY_TIMEOUT", "20s")
ANSWER_TIMEOUT: timedelta = env.duration("ANSWER_TIMEOUT", "30s")
MAX_HEAD_SIZE: int = _count("MAX_HEAD_SIZE", 32 * 1024, at_least=1024)
MAX_CONNECTIONS: int = _count("MAX_CONNECTIONS", 1000)
MAX_CONNECTIONS_PER_ADDRESS: int = _count("MAX_CONNECTIONS_PER_ADDRESS", 250)

LOG_LEVEL: str = env.str(
    "LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])
)
LOG_FORMAT: str = env.str("LOG_FORMAT", "line", validate=validate.OneOf(["line", "json"]))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s [%(request_id)s] %(levelname)s %(name)s: %(message)s"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s",
        },
    },
    "filters": {
        "request_id": {"()": "templatesvc.ops.request_ids.RequestIDFilter"},
        "store_error": {"()": "templatesvc.mongo.errors.StoreErrorFilter"},
        "strangers": {"()": "templatesvc.ops.log_lines.StrangersFilter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["request_id", "store_error", "strangers"],
        }
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # Without this, Django's own lines would be written twice.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # At DEBUG it logs every command, and with them password hashes.
        "pymongo": {"level": "INFO"},
    },
}

# --- The Flask service -----------------------------------------------------------------------

# Whether it runs on the same database, so that passwords and tokens have to suit it as well.
FLASK_SIDE_BY_SIDE = env.bool("FLASK_SIDE_BY_SIDE", False)
if FLASK_SIDE_BY_SIDE:
    # It accepts a deleted user's token until it expires, as the token of whoever has the name next.
    times = (ERASED_NAME_HOLD, ACCESS_TOKEN_LIFETIME, timedelta(days=1))
    ERASED_NAME_HOLD = max(filter(None, times))  # what could not be read is None
# The dates of deprecation and end that answers of its routes announce.
FLASK_DEPRECATION = env.date("FLASK_DEPRECATION", None)
FLASK_SUNSET = env.date("FLASK_SUNSET", None)

INSTALLED_APPS += ["accounts.flask", "templates_app.flask"]
DOCUMENT_BASES |= {
    "accounts.User": "accounts.flask.documents.FlaskUser",
    "templates_app.Template": "templates_app.flask.documents.FlaskTemplate",
}
PASSWORD_HASHERS += [
    "accounts.flask.hashers.FlaskSHA256Hasher",
    "accounts.flask.hashers.WrappedFlaskHasher",
]
SIMPLE_JWT |= {"AUTH_TOKEN_CLASSES": ["accounts.flask.tokens.FlaskAccessToken"]}

# --- What could not be read --------------------------------------------------------------------

try:
    env.seal()
except EnvValidationError as error:
    faults = dict(error.error_messages).items()  # type: ignore[arg-type]
    raise ImproperlyConfigured(
        "\n".join(
            ["Correct these environment variables:"]
            + [f"{name}: {' '.join(map(str, values))}" for name, values in faults]
        )
    ) from None

# --- What follows from what could be read ------------------------------------------------------

# The longest life of a session. One that is not used within the lifetime of a refresh token ends
# earlier, whatever the browser keeps.
SESSION_COOKIE_AGE = int(SESSION_MAX_AGE.total_seconds())

# The largest body that the server reads; routes may have lower limits.
MAX_SERVER_BODY_SIZE = max(MAX_BODY_SIZE, MAX_IMPORT_SIZE)
SPECTACULAR_SETTINGS["CONTACT"] = {"name": "The operators of this service"} | CONTACT
