"""The WSGI application; `manage.py serve` starts it with a complete environment."""

import os
import sys

from django.conf import settings
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, reset_queries
from django.utils.module_loading import import_string

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partybuild.settings")

# A thread that comes back from the database waits no longer than this for the interpreter, however busy the others are;
# the default of 5 ms is ten times what a record takes.
sys.setswitchinterval(0.0005)

_django = get_wsgi_application()
# Once the apps are loaded.
_gate = import_string("apps.common.resources.gate.Gate")
_drained = import_string("apps.common.http.bodies.DrainedBodies")
application = _drained(_gate(_django))

# What Django does around every request and what comes to nothing here: connections are looked after where a request
# ends, no cache of Django's holds one, and queries are recorded for DEBUG only.
request_started.disconnect(close_old_connections)
request_finished.disconnect(close_caches)
if not settings.DEBUG:
    request_started.disconnect(reset_queries)
