# Three images: `bot` has no torch, `inference-cpu` and `inference-cuda` run the checkpoints.
#
#   docker build --target bot --tag glassbox-bot .
#   docker build --target inference-cpu --build-arg TORCH_INDEX=<index of CPU builds> --tag glassbox-inference .
#   docker build --target inference-cuda --tag glassbox-inference .
#
# docs/OPERATIONS.md explains the arguments. Layers go from what rarely changes (packages, by docs/deploy/locks) to what
# often does (our source), so that a new version of Glassbox is a layer of a few megabytes.

# The version that the locks were made for. For a build that can be repeated, append the digest that you pulled.
ARG PYTHON=python:3.11-slim-bookworm

# --- what all images share: a user without rights, and one folder that it may write to ---
FROM ${PYTHON} AS runtime
ENV PATH=/opt/glassbox/bin:${PATH} \
    PYTHONPATH=/opt/glassbox/source \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    HF_HOME=/data/huggingface \
    CACHE_DIR=/data/glassbox
RUN groupadd --gid 10001 glassbox \
    && useradd --uid 10001 --gid glassbox --home-dir /data --no-create-home --shell /usr/sbin/nologin glassbox \
    && install --directory --owner=glassbox --group=glassbox --mode=0700 /data
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "bot"]

# --- our source, compiled: a read-only file system keeps no bytecode ---
FROM ${PYTHON} AS source
WORKDIR /opt/glassbox/source
COPY cogs cogs
COPY bot bot
RUN python -m compileall -q --invalidation-mode unchecked-hash .

# --- packages: exactly the files whose digests are in docs/deploy/locks (`make locks`) ---
FROM ${PYTHON} AS packages
WORKDIR /build
COPY constraints.txt docs/deploy/locks ./
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_DEPS=1 \
    PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/glassbox

FROM packages AS packages-bot
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/glassbox/bin/pip install --require-hashes --requirement bot.txt \
    && /opt/glassbox/bin/pip check

# PyTorch's build for Linux on the Python package index brings CUDA's libraries along. An index of CPU builds has none, and
# their digests are its own: they are in no lock.
FROM packages AS packages-cpu
ARG TORCH_INDEX
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    if [ -z "${TORCH_INDEX}" ]; then echo "TORCH_INDEX is not set: see docs/OPERATIONS.md, Images" >&2; exit 1; fi \
    && /opt/glassbox/bin/pip install --index-url "${TORCH_INDEX}" --constraint constraints.txt torch
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/glassbox/bin/pip install --require-hashes --requirement inference-cpu.txt \
    && /opt/glassbox/bin/pip check

FROM packages AS packages-cuda
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/glassbox/bin/pip install --require-hashes --requirement inference-cuda.txt \
    && /opt/glassbox/bin/pip check

# --- the images ---
FROM runtime AS bot
COPY --from=packages-bot /opt/glassbox /opt/glassbox
COPY --from=source /opt/glassbox/source /opt/glassbox/source
USER 10001:10001
ENV METRICS_ADDRESS=0.0.0.0:9464
EXPOSE 9464
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:9464/healthz', timeout=4)"]
CMD ["run"]

# KubeRay can start Ray through a login shell, which forgets PATH: so `ray` is also where such a shell looks.
FROM runtime AS inference
RUN ln --symbolic /opt/glassbox/bin/ray /opt/glassbox/bin/serve /usr/local/bin/
ENV RAY_USAGE_STATS_ENABLED=0
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
USER 10001:10001
CMD ["serve"]

FROM inference AS inference-cpu
COPY --from=packages-cpu /opt/glassbox /opt/glassbox
COPY --from=source /opt/glassbox/source /opt/glassbox/source

# The NVIDIA container toolkit hands in the driver; CUDA's libraries are torch's own packages.
FROM inference AS inference-cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=packages-cuda /opt/glassbox /opt/glassbox
COPY --from=source /opt/glassbox/source /opt/glassbox/source
