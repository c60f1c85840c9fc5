"""django-tasks-db as its guide sets it up; connections stay open."""

import environ

SECRET_KEY = "a-key-for-the-bench"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django_tasks", "django_tasks_db"]
DATABASES = {"default": {**environ.Env().db("DATABASE_URL"), "CONN_MAX_AGE": None}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}
LOGGING = {"version": 1, "loggers": {"django_tasks": {"level": "WARNING"}}}
