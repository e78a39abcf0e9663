"""`manage.py token create|list|revoke`: the tokens of programs, managed from a shell."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.accounts.actions import make_token, revoke_tokens
from apps.accounts.models import Appointment, Token, User
from apps.accounts.models.tokens import PREFIX


class Command(BaseCommand):
    help = "Make, list and revoke tokens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a token and print it: it is shown this once")
        create.add_argument("username", help="for whom the token acts")
        create.add_argument("--name", required=True, help="what the token is for")
        create.add_argument(
            "--scope", action="append", choices=Token.Scope.values, help="default: read; may be repeated"
        )
        create.add_argument("--appointment", action="append", type=int, default=[], help="number as `list` shows it")
        create.add_argument("--days", type=int, default=365, help="days until it expires; default: 365")
        listing = verbs.add_parser("list", help="list tokens, and the appointments that new ones can use")
        listing.add_argument("username", nargs="?", help="only those of one user")
        revoke = verbs.add_parser("revoke", help="revoke a token for good")
        revoke.add_argument("key", help=f"identifier, with or without {PREFIX}")

    def handle(self, *args: object, verb: str, **options: Any) -> None:
        {"create": self._create, "list": self._list, "revoke": self._revoke}[verb](options)

    def _create(self, options: dict[str, Any]) -> None:
        user = self._user(options["username"])
        wanted = set(options["appointment"])
        chosen = list(user.appointments.filter(pk__in=wanted))
        if missing := sorted(wanted - {row.pk for row in chosen}):
            raise CommandError(f"{user} has no appointment {', '.join(map(str, missing))}")
        if not 0 < options["days"] <= 3650:
            raise CommandError("--days must be from 1 to 3650")
        try:
            _token, text = make_token(
                user=user,
                name=options["name"],
                scopes=options["scope"] or [Token.Scope.READ],
                appointments=chosen,
                expires_at=timezone.now() + timedelta(days=options["days"]),
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(text)

    def _list(self, options: dict[str, Any]) -> None:
        tokens = Token.objects.select_related("user")
        appointments = Appointment.objects.select_related("user", "district", "street", "neighbourhood", "unit")
        if options["username"]:
            user = self._user(options["username"])
            tokens, appointments = tokens.filter(user=user), appointments.filter(user=user)
        for token in tokens:
            state = "good" if token.is_good else "revoked" if token.revoked_at else "not good"
            used = f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never"
            self.stdout.write(
                f"{PREFIX}{token.key}  {token.user}  {token.name}  {','.join(token.scopes)}"
                f"  {state}  expires {token.expires_at:%Y-%m-%d}  last used {used}"
            )
        for row in appointments:
            self.stdout.write(f"appointment {row.pk}  {row.user}  {row}  from {row.from_day} until {row.until or '–'}")

    def _revoke(self, options: dict[str, Any]) -> None:
        key = options["key"].removeprefix(PREFIX).partition(".")[0]
        if not revoke_tokens(tokens=Token.objects.filter(key=key)):
            raise CommandError(f"there is no token {PREFIX}{key} that is not revoked")
        self.stdout.write(f"{PREFIX}{key} is revoked")

    def _user(self, name: str) -> User:
        try:
            return User.objects.get_by_natural_key(name)
        except User.DoesNotExist as error:
            raise CommandError(f"there is no user {name}") from error
