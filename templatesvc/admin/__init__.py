"""Operators' pages for MongoEngine documents, on Django's AdminSite.

An app's ``admin.py`` declares them, a class for each document; CONTRIBUTING says how.
"""

from django.contrib.admin import display

from templatesvc.admin.actions import action
from templatesvc.admin.options import DocumentAdmin, Happened
from templatesvc.admin.sites import site

__all__ = ["DocumentAdmin", "Happened", "action", "display", "site"]
