# syntax=docker/dockerfile:1
# makegood as one image; the command says which part of it runs (web, work, clock, migrate).
# For repeatable builds give a digest: --build-arg PYTHON_IMAGE=python:3.12-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /opt/makegood
WORKDIR /src
# The lock first: as long as it stays the same, this layer is kept. Wheels only, so no compiler is needed here either.
# The other lock has the extra for sign-in through an OpenID provider, too: --build-arg LOCK=requirements-oidc.lock
ARG LOCK=requirements.lock
COPY requirements.lock requirements-oidc.lock ./
RUN python -m pip --python /opt/makegood/bin/python install --require-hashes --only-binary :all: -r "$LOCK"
COPY pyproject.toml LICENSE NOTICE ./
COPY reconcile reconcile
COPY handlers handlers
COPY config config
COPY worker worker
RUN python -m pip --python /opt/makegood/bin/python install --no-deps --no-build-isolation . \
    && /opt/makegood/bin/python -m compileall -q /opt/makegood/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="makegood" \
      org.opencontainers.image.description="Holds every Stripe and PayPal charge against expected renewals" \
      org.opencontainers.image.licenses="Apache-2.0"
# A number and not a name, so that an orchestrator can see that it is not root.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin makegood \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/makegood
COPY --from=build /opt/makegood /opt/makegood
# Logs must be out before a crash, and nothing is written beside the code.
ENV PATH=/opt/makegood/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    MAKEGOOD_HOST=0.0.0.0 MAKEGOOD_PORT=8010
USER 10001:10001
# Relative paths (the embedded database, reports) land here; mount a volume to keep them.
WORKDIR /var/lib/makegood
EXPOSE 8010
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8010/healthz', timeout=4)"]
ENTRYPOINT ["makegood"]
CMD ["up"]
