# syntax=docker/dockerfile:1
# The agent alone: Debian's bcc, a virtual environment from the lock files, our package. No compiler
# but the one inside libbpfcc (LLVM, which translates the kernel program), no pip.
#
#   docker build --tag shipper .          (or podman, buildah; `make image` does it without Docker)
#
# Behind a proxy or an index of one's own, pip takes its settings from a secret that stays out of
# the image: --secret id=pip.conf,src=/etc/pip.conf --secret id=ca.pem,src=/etc/ssl/certs/ca-certificates.crt
#
# docs/containers.md says which rights it needs, and what was tried.

# A digest here (debian:bookworm-slim@sha256:…) pins the distribution as the lock file pins Python.
ARG BASE=debian:bookworm-slim

# hadolint ignore=DL3006
FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_NO_COMPILE=1
# Debian's own Python, because its bcc is for it. Versions are Debian's to choose: a stable release
# changes them for security alone, and keeps no old ones to ask for.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev libpython3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
RUN python3 -m venv /opt/tools && python3 -m venv --without-pip /opt/shipper
COPY requirements.lock requirements-build.lock requirements-compile.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem,target=/run/ca.pem \
    /opt/tools/bin/pip install --require-hashes --only-binary :all: -r requirements-build.lock -r requirements-compile.lock \
    && /opt/tools/bin/pip --python /opt/shipper/bin/python install --no-compile \
        --require-hashes --only-binary :all: -r requirements.lock
COPY . .
# What every exchange passes through becomes machine code here (pyproject.toml says which files).
ENV HATCH_BUILD_HOOK_ENABLE_MYPYC=true
# Byte code is made here, once: the agent runs from a file system that it can't write to. It is
# checked by nothing, so that it does not depend on when a file was laid down.
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /tmp . \
    && /opt/tools/bin/pip --python /opt/shipper/bin/python install --no-compile --no-deps --no-index /tmp/*.whl \
    && /opt/shipper/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/shipper/lib

# hadolint ignore=DL3006
FROM ${BASE} AS system
# What installs packages is not needed where none is installed any more: apt, Perl, and the
# libraries of these two alone; nor are the C library's converters of character sets (gconv), what of
# ICU is for languages (LLVM's libxml2 asks for characters), and times that count leap seconds. dpkg's
# list stays true, for those who look for known faults in it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends linux-libc-dev python3-bpfcc \
    && dpkg --purge --force-depends --force-remove-essential apt gpgv libapt-pkg6.0 libgnutls30 \
        libhogweed6 libidn2-0 libnettle8 libp11-kit0 libunistring2 perl-base \
    && rm -rf /etc/apt /var/lib/apt /var/cache/* /var/log/* /usr/share/bcc /usr/share/doc/* \
        /usr/lib/*/gconv /usr/lib/*/libicui18n.so.* /usr/share/zoneinfo/right \
    && mkdir -p /var/lib/shipper

# One layer: what was removed above takes no room here.
FROM scratch
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="shipper" \
    org.opencontainers.image.description="HTTP exchanges of a host, seen by eBPF, as validated and versioned records on Kafka" \
    org.opencontainers.image.licenses="Apache-2.0 AND (GPL-2.0-only OR BSD-3-Clause)" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
# hadolint ignore=DL3067
COPY --from=system / /
COPY --from=build /opt/shipper /opt/shipper
ENV PATH=/opt/shipper/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# No USER: container platforms give capabilities to root alone. The agent becomes `nobody`, without
# any, as soon as its program is loaded. Where they are given to others too (podman), any user does.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["/opt/shipper/bin/shipper", "health"]
ENTRYPOINT ["/opt/shipper/bin/shipper"]
CMD ["run"]
