# The platform on one machine: see docs/how-to/run-on-one-machine.md. `base` is what the development container is made of.
FROM python:3.11-slim-bookworm AS base
# Without versions: Debian keeps only the newest of each package, which are its security fixes.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git make procps \
    && rm -rf /var/lib/apt/lists/*
# State and keys are volumes; a new volume takes the owner of the folder that it is mounted on.
RUN useradd --create-home --uid 1000 sprintline \
    && install --directory --owner=sprintline --group=sprintline /clone /state /keys
USER sprintline
WORKDIR /clone

FROM base AS platform
# The libraries first: this layer is built again only when a lock changes.
COPY --chown=sprintline:sprintline requirements.lock requirements-bootstrap.lock ./
COPY --chown=sprintline:sprintline tools/setup.sh tools/
RUN tools/setup.sh .venv libraries
COPY --chown=sprintline:sprintline . .
RUN make --no-print-directory setup
ENV PATH=/clone/.venv/bin:$PATH \
    SPRINTLINE_HOME=/state \
    SPRINTLINE_KEYS=/keys \
    SPRINTLINE_LISTEN=0.0.0.0
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=20s --start-period=180s --retries=3 CMD ["sprintline", "processes", "--check"]
CMD ["sprintline", "ui", "--port", "3000"]
