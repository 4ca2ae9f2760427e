# The API alone; deploy/compose.yaml puts it together with what it needs. docs/operations.md says how
# to pin the base image by its digest: --build-arg PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:…
ARG PYTHON_IMAGE=python:3.11-slim-bookworm
FROM ${PYTHON_IMAGE} AS build
RUN python -m venv /opt/items-api/.venv
COPY requirements/runtime.txt /opt/items-api/requirements/
RUN /opt/items-api/.venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    --no-deps --only-binary :all: --require-hashes -r /opt/items-api/requirements/runtime.txt
WORKDIR /opt/items-api
COPY asgi.py ./
COPY api api
COPY migrations migrations
COPY openapi openapi
COPY schemas schemas
COPY serving serving
COPY storage storage
# The root file system may be read-only when it runs.
RUN .venv/bin/python -m compileall -q asgi.py api migrations openapi schemas serving storage

FROM ${PYTHON_IMAGE}
COPY --from=build /opt/items-api /opt/items-api
WORKDIR /opt/items-api
ENV ENVIRONMENT=production HOST=0.0.0.0 PORT=8000 PYTHONDONTWRITEBYTECODE=1 \
    FLASK_SKIP_DOTENV=1 \
    PATH=/opt/items-api/.venv/bin:/usr/local/bin:/usr/bin:/bin
# An unprivileged user that owns no files in the image.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/api/health', timeout=2)"]
CMD ["python", "asgi.py"]
