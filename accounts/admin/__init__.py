"""Operators' pages for accounts: users, their sessions, and the audit."""

from accounts.admin import audit, dashboard, passwords, sessions, users
from accounts.forms import LoginForm
from templatesvc.admin import site

__all__ = ["audit", "dashboard", "passwords", "sessions", "users"]

site.login_form = LoginForm
site.dashboard = dashboard.dashboard
site.password_change_view = passwords.PasswordChangePage.as_view()
