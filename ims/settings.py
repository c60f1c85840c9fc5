"""All settings of IMS, from the environment alone (a file named .env beside manage.py is read first).

Every variable has a default, a unit and a line in .env.example. A wrong value stops the start with a
message that names it.
"""

import warnings
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from ims.lib import env

# The version of the code, a whole number: raised with every release (scripts/release.py, docs/upgrade.md).
# Old code leaves alone what newer code has declared.
RELEASE = 2

BASE_DIR = Path(__file__).resolve().parent.parent
env.ENV.read_env(str(BASE_DIR / ".env"))  # a missing file is fine; the real environment wins

# --- Safety -----------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
INSECURE_KEY = "development-only-never-use-this-key-where-anybody-else-can-reach-it"
SECRET_KEY = env.text("SECRET_KEY") or (INSECURE_KEY if DEBUG else "")
SECRET_KEY_FALLBACKS = env.names("SECRET_KEY_FALLBACKS")  # older keys: sessions, links, queued jobs
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS")  # e.g. https://ims.example.com

if not DEBUG:
    if not SECRET_KEY or SECRET_KEY == INSECURE_KEY or len(SECRET_KEY) < 40:
        raise ImproperlyConfigured(
            "SECRET_KEY is missing or too short: give 40 or more random characters"
            " (on your own machine DEBUG=1 will do)."
        )
    if "*" in ALLOWED_HOSTS:
        raise ImproperlyConfigured(
            "ALLOWED_HOSTS=*: name the hosts that IMS answers for, separated by commas."
        )

HTTPS = env.flag("HTTPS", default=not DEBUG)  # behind a proxy that ends TLS and sets X-Forwarded-Proto
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked for on this very machine
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
X_FRAME_OPTIONS = "DENY"

# No inline script or style, nothing from other hosts.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- Apps -------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "ims.lib",
    "ims.accounts",
    "ims.web",
    "scheduling",  # before django_q: its `qcluster` command is the one that runs
    "ims.notices",
    "ims.console",
    "ims.backups",
    "ims.uploads",
    "ims.submissions",
    "masterdata",
    "logistics",
    "crossdock",
    "licensing",
    "django_q",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "axes",
    "django.forms",  # last: forms are drawn with the templates of ims.web where it has one
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "ims.accounts.middleware.NotKeptMiddleware",
    "ims.lib.logs.RequestLogMiddleware",
    "ims.console.middleware.CountRequestsMiddleware",
    "ims.lib.api.JsonErrorsMiddleware",
    "ims.lib.nul.RefuseNulMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ims.accounts.middleware.LoginRequiredMiddleware",
    "ims.accounts.throttle.ThrottleSignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "ims.urls"
WSGI_APPLICATION = "ims.wsgi.application"
ASGI_APPLICATION = "ims.asgi.application"
WEB_THREADS = env.number("WEB_THREADS", 8, minimum=1)  # of each web process; each keeps a connection
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ims.web.context.page",
                "ims.notices.context.bell",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database: SQLite by default, PostgreSQL by DATABASE_URL ------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{BASE_DIR / 'var' / 'ims.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_database = DATABASES["default"]
if _database["ENGINE"] == "django.db.backends.sqlite3":
    Path(_database["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    _database["CONN_MAX_AGE"] = None  # opening a file for every job and poll would cost more than the work
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # writers queue up at BEGIN instead of failing in mid-transaction
        "timeout": 20,  # seconds to wait for another writer
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA mmap_size=134217728;",
    }
    # A real file, because a real qcluster process works on the same database in the tests.
    _database["TEST"] = {"NAME": str(Path(_database["NAME"]).with_name("test.sqlite3"))}
else:
    _database["CONN_MAX_AGE"] = env.number("DATABASE_CONN_MAX_AGE_SECONDS", 600)
    _database["CONN_HEALTH_CHECKS"] = True

# --- People -------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # locks out a guesser
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "ims.accounts.passwords.NewPassword"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = env.number("LOGIN_FAILURE_LIMIT", 10, minimum=1)  # per name and address
AXES_COOLOFF_TIME = timedelta(minutes=env.number("LOGIN_LOCKOUT_MINUTES", 15, minimum=1))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # who is told 15 minutes waits no longer for trying
AXES_LOCKOUT_CALLABLE = "ims.accounts.views.locked_out"
AXES_VERBOSE = False

# --- API ----------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "ims.accounts.authentication.BearerAuthentication",
        "ims.accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["ims.lib.api.isAuthenticatedCustom"],
    "DEFAULT_PAGINATION_CLASS": "ims.lib.api.Pagination",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["ims.lib.api.JSONParser"],
    "EXCEPTION_HANDLER": "ims.lib.api.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.text("THROTTLE_ANONYMOUS", "60/min"),
        "user": env.text("THROTTLE_USER", "1200/min"),
        "login": env.text("THROTTLE_LOGIN", "20/min"),
    },
    "NUM_PROXIES": 0,  # uvicorn has already put the caller's address in place of a trusted proxy's
    "COERCE_DECIMAL_TO_STRING": True,
}
REST_KNOX = {
    "AUTH_HEADER_PREFIX": "Bearer",
    "TOKEN_TTL": timedelta(hours=env.number("TOKEN_HOURS", 720, minimum=1)),
    "AUTO_REFRESH": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "IMS",
    "DESCRIPTION": "Tracking, dispatch, trips, cross-dock prices and licences, with their background jobs.",
    "VERSION": str(RELEASE),
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["ims.lib.api.isAuthenticatedCustom"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "ims.lib.openapi.describe_errors",
    ],
    "ENUM_NAME_OVERRIDES": {
        "JobState": "scheduling.search.STATES",
        "ClusterState": "scheduling.overview.CLUSTER_STATES",
        "SlipStatus": "masterdata.models.SlipStatus",
        "TransitStatus": "masterdata.statuses.TransitStatus",
        "RequestStatus": "logistics.dispatch.models.RequestStatus",
        "TripStatus": "logistics.trips.models.TripStatus",
        "InvoiceStatus": "logistics.billing.models.InvoiceStatus",
        "PaymentMethod": "logistics.billing.models.PaymentMethod",
        "DistanceSource": "logistics.billing.models.DistanceSource",
        "MailKind": "logistics.billing.models.MailKind",
        "ProofKind": "logistics.trips.live_models.ProofKind",
        "Decision": "logistics.dispatch.serializers.Decision",
    },
}

# --- Background jobs: Django Q2 with the database as broker -------------------------------------------
# Timeouts, retries and how long a result is kept stand above each task (@task); these are the engine's own.
QUEUES = ("high_priority", "normal", "low_priority")  # in order of urgency
Q_CLUSTER = {
    "name": "IMS_Q_Cluster",  # also the salt of signed payloads: never change it while jobs wait
    "workers": env.number("Q_WORKERS", 4, minimum=1),  # processes; `qcluster --workers N` overrides
    "recycle": 500,  # jobs after which a worker is replaced, so that leaked memory goes
    "timeout": 90,  # seconds; the default of @task(timeout=…), which overrides it per task
    "retry": 120,  # seconds; must exceed timeout. A claimed job is leased for its own timeout and this margin
    "queue_limit": 1,  # jobs waiting inside a cluster; the rest waits in the database, in order of urgency
    "bulk": 1,  # jobs claimed at once
    "max_attempts": 0,  # 0: attempts are counted and ended by @task(retries=…), not by Django Q2
    "ack_failures": False,  # a failed job stays until its last attempt, then is acknowledged
    "save_limit": 0,  # results are kept by @task(keep=…) and pruned by a schedule, never in the result path
    "catch_up": False,  # a schedule that was missed runs once, not once for every missed time
    "compress": True,  # payloads; ours from a kilobyte on, below it costs more time than it saves room
    "poll": 0.1,  # seconds between looks at an empty queue
    "guard_cycle": 0.5,  # seconds between looks at the workers
    "orm": "default",  # the database that is the broker
    "broker_class": "scheduling.broker.DatabaseBroker",  # one cluster serves all queues, most urgent first
    "scheduler": False,  # ours runs instead (scheduling/due.py): exact, and one bad row harms no other
    "cache": "jobs",  # Django Q2's cached=True and async_iter, which span processes
    "label": "Django Q2",  # the heading in the admin
    "sync": env.flag("TASKS_SYNC"),  # 1: every job runs where it is enqueued
    # `Q_CLUSTER_NAME=high_priority python manage.py qcluster` serves that queue alone.
    "ALT_CLUSTERS": {queue: {} for queue in QUEUES},
    # cpu_affinity is left out on purpose: it pins workers to cores and makes busy cores busier.
}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "jobs": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "scheduling_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}
# After so long a silent cluster's jobs go on elsewhere.
Q_LEASE_SECONDS = env.decimal("Q_LEASE_SECONDS", 30, minimum=2)
# When a cluster stops, running jobs have so long to end; then they go back to the queue.
Q_STOP_GRACE_SECONDS = env.decimal("Q_STOP_GRACE_SECONDS", 60)
# A cancelled job has so long to stop by itself; then it is ended.
Q_CANCEL_GRACE_SECONDS = env.decimal("Q_CANCEL_GRACE_SECONDS", 10)
# A due job that waits for longer makes the site unhealthy.
Q_STARVED_SECONDS = env.decimal("Q_STARVED_SECONDS", 600, minimum=1)
HISTORY_FAILURES_DAYS = env.number("HISTORY_FAILURES_DAYS", 90, minimum=1)  # how long failed jobs are kept

# --- Monitoring -----------------------------------------------------------------------------------------
# What runs, where a release has several builds, e.g. 2-4f1c09a; failures may be muted until another one does.
IMS_VERSION = env.text("IMS_VERSION", str(RELEASE))
METRICS_TOKEN = env.text("METRICS_TOKEN")  # lets Prometheus read /metrics; empty: superusers alone may
ALERT_EMAILS = env.names("ALERT_EMAILS")  # who is warned; nobody by default
ALERT_WEBHOOK = env.text("ALERT_WEBHOOK")  # the address that is told the same as JSON; empty: none
ALERT_WEBHOOK_SECRET = env.text("ALERT_WEBHOOK_SECRET")  # signs what is sent there
ALERT_SCHEDULE_LATE_SECONDS = env.decimal("ALERT_SCHEDULE_LATE_SECONDS", 300, minimum=10)
ALERT_HISTORY_DAYS = env.number("ALERT_HISTORY_DAYS", 365, minimum=1)  # how long those that are over are kept
ALERT_FAILURES = env.number("ALERT_FAILURES", 20, minimum=1)  # failed jobs within ten minutes
if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
    raise ImproperlyConfigured("METRICS_TOKEN is too short: give 20 or more random characters.")
if ALERT_WEBHOOK and not ALERT_WEBHOOK.startswith(("https://", "http://")):
    raise ImproperlyConfigured(
        f"ALERT_WEBHOOK={ALERT_WEBHOOK!r}: give an address, e.g. https://example.com/hook"
    )
if ALERT_WEBHOOK and len(ALERT_WEBHOOK_SECRET) < 20:
    raise ImproperlyConfigured("ALERT_WEBHOOK needs ALERT_WEBHOOK_SECRET: give 20 or more random characters.")

# --- Time -----------------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"  # everything is stored so
OPERATIONS_TIME_ZONE = env.zone("OPERATIONS_TIME_ZONE", "Asia/Kolkata")  # rules 'today', shifts, digests

# --- Vendors --------------------------------------------------------------------------------------------
TRACK123_BASE_URL = env.text("TRACK123_BASE_URL", "https://api.track123.com/gateway/open-api/")
TRACK123_TIMEOUT_SECONDS = env.decimal("TRACK123_TIMEOUT_SECONDS", 20, minimum=0.1)
TRACK123_REQUESTS_PER_SECOND = env.decimal("TRACK123_REQUESTS_PER_SECOND", 5, minimum=0.1)  # per endpoint
# The unguessable part of /api/masterdata/track123/webhook/SECRET/; empty: there is no webhook.
TRACK123_WEBHOOK_SECRET = env.text("TRACK123_WEBHOOK_SECRET")
TRACKING_GIVE_UP_DAYS = env.number("TRACKING_GIVE_UP_DAYS", 60, minimum=1)  # without news: no longer followed
TRACKING_QUIET_DAYS = env.number("TRACKING_QUIET_DAYS", 7, minimum=1)  # without movement: needs attention
TRACKING_LATE_DAYS = env.number("TRACKING_LATE_DAYS", 10, minimum=1)  # on the way for longer: late
TRACKING_DIGEST_HOUR = env.number("TRACKING_DIGEST_HOUR", 8, maximum=23)  # in OPERATIONS_TIME_ZONE

# --- Dispatch -------------------------------------------------------------------------------------------
# How long a driver has to answer an offered trip.
DRIVER_ASSIGNMENT_TIMEOUT_SECONDS = env.number("DRIVER_ASSIGNMENT_TIMEOUT_SECONDS", 300, minimum=1)
# Pushes by Firebase: the key file of a service account; empty: none are sent, and the pages say so.
GOOGLE_APPLICATION_CREDENTIALS = env.text("GOOGLE_APPLICATION_CREDENTIALS")
FCM_BASE_URL = env.text("FCM_BASE_URL").rstrip("/")  # a stand-in for tests and the demo; empty: Google's own
FCM_TIMEOUT_SECONDS = env.decimal("FCM_TIMEOUT_SECONDS", 8, minimum=0.1)
if FCM_BASE_URL and not DEBUG:
    raise ImproperlyConfigured("FCM_BASE_URL is for DEBUG=1 only: take it away, and pushes go to Google.")

# --- Trips ----------------------------------------------------------------------------------------------
TRIP_STREAMS_PER_USER = env.number("TRIP_STREAMS_PER_USER", 20, minimum=1)  # live streams, per web process
TRIP_STREAMS = env.number("TRIP_STREAMS", 1000, minimum=1)  # of all users, per web process
TRIP_HEARTBEAT_SECONDS = env.decimal("TRIP_HEARTBEAT_SECONDS", 15, minimum=0.1)  # rights are asked anew
# Map tiles, e.g. https://tile.example.com/{z}/{x}/{y}.png; empty: maps are drawn on a grid, nobody is asked.
MAP_TILE_URL = env.text("MAP_TILE_URL")
MAP_TILE_CREDIT = env.text("MAP_TILE_CREDIT")  # what the tiles' owner wants to be named

# --- Billing --------------------------------------------------------------------------------------------
# What a trip costs unless the contract's tariff says otherwise; amounts in INVOICE_CURRENCY.
INVOICE_CURRENCY = env.text("INVOICE_CURRENCY", "USD")
if not (len(INVOICE_CURRENCY) == 3 and INVOICE_CURRENCY.isalpha() and INVOICE_CURRENCY.isupper()):
    raise ImproperlyConfigured(f"INVOICE_CURRENCY={INVOICE_CURRENCY!r}: give its three letters, e.g. USD.")
INVOICE_BASE_FEE = env.exact("INVOICE_BASE_FEE", "50.00", places=2)
INVOICE_PRICE_PER_KM = env.exact("INVOICE_PRICE_PER_KM", "2.50", places=4)
INVOICE_TAX_PERCENT = env.exact("INVOICE_TAX_PERCENT", "15", places=2, maximum=100)
INVOICE_TAX_NAME = env.text("INVOICE_TAX_NAME", "Tax")  # e.g. GST, VAT
INVOICE_DUE_DAYS = env.number("INVOICE_DUE_DAYS", 30, maximum=3650)
INVOICE_DEFAULT_KM = env.exact("INVOICE_DEFAULT_KM", "10", places=3)  # without odometer and fixes: estimated
# The letterhead, and how to pay; | begins a new line.
INVOICE_SELLER = env.text("INVOICE_SELLER", "IMS")
INVOICE_SELLER_ADDRESS = env.lines("INVOICE_SELLER_ADDRESS")
INVOICE_SELLER_EMAIL = env.text("INVOICE_SELLER_EMAIL")  # answers to invoices go there
INVOICE_BANK = env.lines("INVOICE_BANK")  # e.g. Bank: …|Account: …|IFSC: …
INVOICE_TERMS = env.lines("INVOICE_TERMS")  # small print

# --- Cross-dock -----------------------------------------------------------------------------------------
CROSSDOCK_OFFER_DAYS = env.number("CROSSDOCK_OFFER_DAYS", 2, minimum=1)  # older offers do not count
CROSSDOCK_VIEW_MINUTES = env.number("CROSSDOCK_VIEW_MINUTES", 15, minimum=1)  # older: the original query
CROSSDOCK_KEEP_DAYS = env.number("CROSSDOCK_KEEP_DAYS", 30, minimum=1)  # uploads and results; then removed

# --- Licences -------------------------------------------------------------------------------------------
LICENCE_NULL_BELOW_USD = env.number("LICENCE_NULL_BELOW_USD", 500)  # a balance below it is next to nothing
LICENCE_LOW_BELOW_USD = env.number("LICENCE_LOW_BELOW_USD", 5000)  # people are told

# --- Mail -----------------------------------------------------------------------------------------------
_mail = env.ENV.email("EMAIL_URL", default="consolemail://")
if _mail["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend":
    _mail["EMAIL_BACKEND"] = "ims.notices.smtp.EmailBackend"  # the same, which knows how far a letter came
vars().update(_mail)
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "IMS <ims@localhost>")
EMAIL_TIMEOUT = 15  # seconds
SITE_URL = env.address("SITE_URL", "http://localhost:8000")  # where people reach IMS: links in e-mails

# --- Words, files, pages --------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = True
STATIC_URL = "static/"
STATIC_ROOT = env.text("STATIC_ROOT", str(BASE_DIR / "staticfiles"))  # where collectstatic writes
# 1: by hashed names from STATIC_ROOT, for ever cacheable; 0: straight from the apps, without collectstatic.
STATIC_HASHED = env.flag("STATIC_HASHED", default=not DEBUG)
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not STATIC_HASHED
MEDIA_URL = "media/"
MEDIA_ROOT = env.text("MEDIA_ROOT", str(BASE_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_HASHED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# WhiteNoise hands files out in pieces that Django's ASGI handler reads one after the other: right, and small.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume", Warning, "django.core.handlers.asgi")

# --- Imports of spreadsheets ------------------------------------------------------------------------------
IMPORTS_KEEP_DAYS = env.number("IMPORTS_KEEP_DAYS", 90, minimum=1)  # uploaded sheets and their reports

# --- Backups: `manage.py backup` and `restore` -----------------------------------------------------------
BACKUP_DIR = env.text("BACKUP_DIR", str(BASE_DIR / "var" / "backups"))
BACKUP_KEEP = env.number("BACKUP_KEEP", 14, minimum=1)  # the newest; older ones are removed

# --- Logs: one JSON object a line ------------------------------------------------------------------------
LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
LOG_FILE = env.text("LOG_FILE")  # empty: standard error
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "ims.lib.logs.JsonFormatter"},
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s", "datefmt": "%H:%M:%S"},
    },
    "handlers": {
        "out": (
            {"class": "logging.handlers.WatchedFileHandler", "filename": LOG_FILE, "formatter": "json"}
            if LOG_FILE
            else {"class": "logging.StreamHandler", "formatter": "plain" if DEBUG else "json"}
        )
        | {"level": LOG_LEVEL},
        # What a job logs is on its page in the console too, from INFO on whatever LOG_LEVEL is.
        "job": {"class": "ims.lib.logs.CollectingHandler", "level": "INFO"},
    },
    "root": {"handlers": ["out", "job"], "level": "DEBUG" if LOG_LEVEL == "DEBUG" else "INFO"},
    "loggers": {
        "django-q": {"handlers": ["out"], "level": LOG_LEVEL, "propagate": False},
        "django.server": {"handlers": ["out"], "level": LOG_LEVEL, "propagate": False},
    },
}
