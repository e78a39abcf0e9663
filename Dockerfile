# The same lock, the same `serve` as `make run`; the database is a service of its own (compose.yaml).
FROM python:3.11-slim AS build
COPY requirements.lock /tmp/
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements.lock

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home partybuild
WORKDIR /app
COPY --from=build /venv /venv
COPY manage.py LICENSE ./
COPY partybuild partybuild
COPY apps apps
COPY fixtures fixtures
COPY docs/guide docs/guide
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
RUN python -m compileall -q manage.py partybuild apps
# The OpenAPI document is made of the code alone; key and database are asked for by the settings, and not used.
ENV OPENAPI_FOLDER=/app/openapi
RUN SECRET_KEY=not-used-by-anything-at-all-0123456789 DATABASE_URL=postgresql:///unused python manage.py make_documents
USER partybuild
EXPOSE 8000
# The header is believed only with HTTPS=true, where a plain request would be sent elsewhere.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["python", "-c", "import urllib.request as u; \
u.urlopen(u.Request('http://localhost:8000/api/v1/', headers={'X-Forwarded-Proto': 'https'}), timeout=4)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
