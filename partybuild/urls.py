"""Every address of the service."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from apps.accounts import second_factor
from apps.common.http import problem_answers
from apps.common.openapi import pages
from apps.docs import views as docs
from apps.docs import well_known
from apps.explore.inbox import admin_views as inbox
from apps.explore.network.views import NetworkPage
from apps.explore.reconciliation import views as reconciliation
from apps.history import admin_views as history
from partybuild import api

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(url="/docs/"), name="home"),
    path("api/v1", api.IndexView.as_view()),
    path("api/v1/", include(api)),
    path("api/v1/openapi.json", pages.JSONDocumentView.as_view(), name="openapi-json"),
    path("api/v1/openapi.yaml", pages.YAMLDocumentView.as_view(), name="openapi-yaml"),
    path("", include(docs)),
    path(".well-known/", include(well_known)),
    path("network", NetworkPage.as_view(), name="network-page"),
    path("reconcile", reconciliation.ReconcileView.as_view(), name="reconcile"),
    path("reconcile/", include(reconciliation)),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/second-factor/", admin.site.admin_view(second_factor.manage), name="second-factor"),
    # In the place of Django's page of the same address, which knows the admin's own changes only.
    path(
        "admin/<str:app_label>/<str:model_name>/<int:pk>/history/",
        admin.site.admin_view(history.record_history),
        name="admin-history",
    ),
    path("admin/revert/<str:request_id>/", admin.site.admin_view(history.revert_request), name="admin-revert"),
    path("admin/queue/", admin.site.admin_view(inbox.queue), name="admin-queue"),
    path("admin/", admin.site.urls),
]

handler400 = problem_answers.bad_request
handler403 = problem_answers.permission_denied
handler404 = problem_answers.not_found
handler500 = problem_answers.server_error
