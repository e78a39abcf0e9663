"""Accounts, what they were appointed to, and how programs speak for them."""

from apps.accounts.models.appointments import Appointment, User
from apps.accounts.models.tokens import Token
from apps.accounts.models.windows import RequestWindow

__all__ = ["Appointment", "RequestWindow", "Token", "User"]
