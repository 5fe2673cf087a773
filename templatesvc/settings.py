"""Settings, every one of them from the environment; the README has the table.

``NAME_FILE`` may name a file to read the value of ``NAME`` from, as container secrets are given.
A value that can't be read stops the start with a sentence. What can be read but is unsafe is for
the system checks in ``templatesvc.ops.checks``.
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


# A name or .name for all below it, or an address; Django would never find a scheme, a port, a path
# or *.name in a Host header.
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
# If the URI names none.
MONGODB_DATABASE: str = env.str("MONGODB_DATABASE", "mydatabase", validate=DATABASE_NAME)
EMBEDDED_STORE = VAR_DIR / "store"
# Documents that share their collection with another program's: see mongo.documents.base_of.
DOCUMENT_BASES: dict[str, str] = {}
# Django's ORM has no database: everything is in MongoDB.
DATABASES: dict[str, object] = {}

# --- Secrets and hosts -----------------------------------------------------------------------

DEBUG: bool = env.bool("DEBUG", False)
# Whether real data may be behind this process, so that the checks of a deployment apply.
PRODUCTION = not DEBUG and (MONGODB_URI or "").startswith("mongodb")
# Too short to pass the checks in production, where it therefore can't be forgotten.
SECRET_KEY: str = env.str("SECRET_KEY", "") or (
    "unset" if PRODUCTION else keys.stored_key(VAR_DIR / "secret_key")
)
JWT_SECRET_KEY: str = env.str("JWT_SECRET_KEY", "") or keys.derived_key(SECRET_KEY, "jwt")
ALLOWED_HOSTS: list[str] = env.hosts("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")

# Cookies over HTTPS only, and browsers told to use nothing else. Redirecting from HTTP is left to
# the proxy that ends TLS, and subdomains are not this service's to speak for.
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
# A browser's use of its session is noted each five minutes, and that is what prolongs it.
REFRESH_TOKEN_LIFETIME: timedelta = env.duration("REFRESH_TOKEN_LIFETIME", "14d", at_least="10m")
REFRESH_TOKEN_GRACE: timedelta = env.duration("REFRESH_TOKEN_GRACE", "30s", at_least="0s")
SESSION_MAX_AGE: timedelta = env.duration("SESSION_MAX_AGE", "90d")
# Longer than any request takes: one that is under way may still write what was theirs.
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
# The first makes new hashes; the others are verified, and replaced at the next login.
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
# Each is in the audit for long. A program may log in anew for every half a minute's work.
SUCCESSFUL_LOGIN_LIMIT: Rate | None = env.rate("SUCCESSFUL_LOGIN_LIMIT", "3000/1d")
REGISTRATION_LIMIT: Rate | None = env.rate("REGISTRATION_LIMIT", "60/1h")
# Proxies whose X-Forwarded-For and X-Forwarded-Prefix are believed, as addresses or networks.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES", "")
# The path under which the service is, if a proxy forwards it whole; gunicorn reads it as well.
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

# What pages call it.
SERVICE_NAME = "Templates service"
INSTALLED_APPS = [
    "templatesvc",
    "accounts",  # before django.contrib.auth: the first app wins a command's name
    "templates_app",
    # Its site and templates; what finds the admin.py of each app would find those that need SQL.
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
# Pages of other sites that may call the API from a browser, with a token and never with a cookie.
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
# What Prometheus shows at /metrics when it scrapes; unset, nothing is measured.
METRICS_TOKEN: str = env.str(
    "METRICS_TOKEN",
    "",
    validate=validate.Regexp(
        r"[A-Za-z0-9._~+/-]*=*\Z",  # RFC 6750, section 2.1: no other could be sent
        error="A bearer token has letters, digits and ._~+/- in it, and = at its end alone.",
    ),
)
if METRICS_TOKEN:
    MIDDLEWARE = [
        "django_prometheus.middleware.PrometheusBeforeMiddleware",
        *MIDDLEWARE,
        "templatesvc.ops.measurement.MeasurementMiddleware",
    ]
# First, because all others look at the path.
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

# How long the store may take for one batch of a list or a stream, and how long it may be away in
# the middle of one. A stream goes on as long as batches come, and ends after its lifetime.
# (MongoDB counts milliseconds in 32 bits, which 25 days fill.)
STREAM_SILENCE: timedelta = env.duration("STREAM_SILENCE", "20s", at_most="1d")
STREAM_LIFETIME: timedelta = env.duration("STREAM_LIFETIME", "1h")
# A page of a list has at most so many bytes as they are stored, or one document.
MAX_PAGE_SIZE: int = _count("MAX_PAGE_SIZE", 1024 * 1024, at_least=1024)
# How long a search looks at documents before it answers with what it has found.
SEARCH_TIME: timedelta = env.duration("SEARCH_TIME", "2s", at_least="0s", at_most="1d")

# --- Templates -------------------------------------------------------------------------------

# How many old versions of a template are kept (0: none), and how long.
HISTORY_VERSIONS: int = _count("HISTORY_VERSIONS", 50, at_least=0, at_most=1000)
HISTORY_RETENTION: timedelta = env.duration("HISTORY_RETENTION", "30d")
REQUIRE_IF_MATCH: bool = env.bool("REQUIRE_IF_MATCH", False)
IDEMPOTENCY_RETENTION: timedelta = env.duration("IDEMPOTENCY_RETENTION", "1d")
MAX_IMPORT_SIZE: int = _count("MAX_IMPORT_SIZE", 10 * 1024 * 1024, at_least=1024)


@env.parser_for("quota")
def _quota(value: str | int) -> int | None:
    if value == "off":
        return None
    try:
        return validate.Range(min=0, max=2**63 - 1)(int(value))
    except ValueError as error:
        raise ValidationError("Must be a whole number, or off.") from error


# What each owner may keep; operators can give somebody limits of their own.
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
# What was done is told on the next page by a cookie, for which nothing has to be stored.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
STATIC_URL = "/static/"
STORAGES = {"staticfiles": {"BACKEND": "templatesvc.api.staticfiles.StaticFilesStorage"}}
# Static files come straight from the packages that bring them: there is no step to forget.
WHITENOISE_USE_FINDERS = True
# Their names stay the same when a package is updated, so not for ever.
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
    "DEFAULT_SCHEMA_CLASS": "templatesvc.api.schema.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": None,
    "DATETIME_FORMAT": None,  # templatesvc.api.notation writes times
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is answered by templatesvc.api.http
    "EXCEPTION_HANDLER": "templatesvc.api.problems.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}


@env.parser_for("contact")
def _contact(value: str) -> dict[str, str]:
    """Return whom clients ask, as the schema says it."""
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
WEB_THREADS: int = _count("WEB_THREADS", 4)
# What a client may take, in time and in room, before its connection is closed.
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
    # Without this Django would send its own lines to the console a second time.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # At DEBUG it writes every command, and so password hashes, into the log.
        "pymongo": {"level": "INFO"},
    },
}

# --- The Flask service -----------------------------------------------------------------------

# While it runs on the same database: what it stores and signs is kept up for it.
FLASK_SIDE_BY_SIDE = env.bool("FLASK_SIDE_BY_SIDE", False)
# What the answers of its routes say of their end.
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
            + [f"{name}: {' '.join(map(str, said))}" for name, said in faults]
        )
    ) from None

# --- What follows from what could be read ------------------------------------------------------

# The longest that a session can live; one that is not used for as long as a refresh token lives
# has ended before, whatever the browser keeps.
SESSION_COOKIE_AGE = int(SESSION_MAX_AGE.total_seconds())
# What a server reads of any body before a route has its say.
LARGEST_BODY = max(MAX_BODY_SIZE, MAX_IMPORT_SIZE)
SPECTACULAR_SETTINGS["CONTACT"] = {"name": "The operators of this service"} | CONTACT
