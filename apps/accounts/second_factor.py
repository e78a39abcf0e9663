"""The second factor of the admin: optional, a one-time code (TOTP) from an app on the user's telephone."""

from base64 import b32encode
from collections.abc import Iterable

import segno
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django_otp import devices_for_user, match_token
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts.authentication import user_of
from apps.accounts.models import User


def code_field(*, required: bool) -> forms.CharField:
    """Return the field for a code, which browsers and telephones can fill in."""
    widget = forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"})
    return forms.RegexField(
        r"^[0-9]{6}$",
        required=required,
        label=_("One-time code"),
        widget=widget,
        error_messages={"invalid": _("Six digits are expected.")},
    )


class LoginForm(AdminAuthenticationForm):
    """Name, password and, for users with a second factor, its code."""

    code = code_field(required=False)

    def confirm_login_allowed(self, user: User) -> None:
        super().confirm_login_allowed(user)
        if next(iter(devices_for_user(user)), None) is None:
            return
        code = self.cleaned_data.get("code", "")
        if not code or match_token(user, code) is None:
            raise ValidationError(
                _("This account has a second factor: give the current one-time code. After a wrong one, wait a bit."),
                code="second_factor",
            )


class CodeForm(forms.Form):
    """The code that shows that the telephone is set up, or that the user still has it."""

    code = code_field(required=True)


def qr_code(device: TOTPDevice) -> SafeString:
    """Return the address of a device as a QR code: SVG, drawn here, without styles or scripts."""
    drawing = segno.make(device.config_url, error="m", micro=False)
    return mark_safe(drawing.svg_inline(scale=5, dark="#000", light="#fff"))  # noqa: S308 - made of our own text


@never_cache
def manage(request: HttpRequest) -> HttpResponse:
    """Set up the second factor of the user who is logged in, or remove it; either needs a code."""
    user = user_of(request)
    device = TOTPDevice.objects.filter(user=user).order_by("-confirmed", "-pk").first()
    device = device or TOTPDevice.objects.create(user=user, name="admin", confirmed=False)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not device.verify_token(form.cleaned_data["code"]):
            form.add_error("code", _("The code is not right, or was used before. After a wrong one, wait a moment."))
        elif device.confirmed:
            device.delete()
            messages.success(request, _("The second factor was removed."))
            return HttpResponseRedirect(request.path)
        else:
            device.confirmed = True
            device.save(update_fields=["confirmed"])
            messages.success(request, _("The second factor is set up; from now on, logging in asks for a code."))
            return HttpResponseRedirect(request.path)
    context = {
        **admin.site.each_context(request),
        "title": _("Second factor"),
        "form": form,
        "device": device,
        "picture": "" if device.confirmed else qr_code(device),
        "secret": "" if device.confirmed else b32encode(device.bin_key).decode(),
    }
    return TemplateResponse(request, "admin/second_factor.html", context)


def remove_from(users: Iterable[User]) -> int:
    """Remove the second factors of users, and return the number of devices."""
    number, _kinds = TOTPDevice.objects.filter(user__in=users).delete()
    return int(number)
