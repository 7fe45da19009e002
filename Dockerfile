# The base is Airbyte's own for Python connectors; the digest is the one in metadata.yaml. Any image with Python 3.11 to
# 3.13, its venv and pip, and a user `airbyte` does as well: docker build --build-arg BASE_IMAGE=…
ARG BASE_IMAGE=docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6

FROM ${BASE_IMAGE} AS build
USER root
WORKDIR /build
COPY constraints.txt setup.py pyproject.toml LICENSE ./
COPY source_dialpad source_dialpad
COPY schemas schemas
COPY event_receiver event_receiver
# --build-arg EXTRAS=[receiver] makes an image that can run `dialpad-event-receiver` as well.
ARG EXTRAS=
# A registry of one's own: docker build --secret id=pip_conf,src=pip.conf --secret id=ca_bundle,src=ca.crt. Neither is kept.
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    python3 -m venv --without-pip /opt/source-dialpad \
    && PIP_CONSTRAINT=/build/constraints.txt python3 -m pip --python /opt/source-dialpad/bin/python3 install \
       --no-cache-dir --disable-pip-version-check --quiet ".${EXTRAS}"

FROM ${BASE_IMAGE}
COPY --from=build /opt/source-dialpad /opt/source-dialpad
# Threads that read share two heaps of the C library and have not one each: a tenth less memory.
ENV PATH="/opt/source-dialpad/bin:${PATH}" \
    AIRBYTE_ENTRYPOINT="source-dialpad" \
    MALLOC_ARENA_MAX="2"
USER airbyte
WORKDIR /airbyte
ENTRYPOINT ["source-dialpad"]
LABEL io.airbyte.version="0.1.0" \
      io.airbyte.name="airbyte/source-dialpad"
