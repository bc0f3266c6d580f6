# Punchcard in a container: what it needs, its code, and nothing that could change either.
# compose.yaml runs it; docs/how-to/run-on-servers.md says how.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY .ci/uv-requirements.txt .ci/uv-requirements.txt
RUN python -m venv /opt/uv
RUN /opt/uv/bin/python -m pip install --quiet --require-hashes --requirement .ci/uv-requirements.txt
COPY pyproject.toml uv.lock ./
RUN /opt/uv/bin/uv export --quiet --frozen --no-default-groups --extra telemetry --no-emit-project --output-file requirements.txt
RUN python -m venv --without-pip /opt/punchcard
RUN /opt/uv/bin/uv pip install --quiet --python /opt/punchcard/bin/python --require-hashes --requirement requirements.txt
COPY punchcard /opt/punchcard/code/punchcard
RUN /opt/punchcard/bin/python -m compileall -q /opt/punchcard/code

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/punchcard --create-home punchcard
COPY --from=build /opt/punchcard /opt/punchcard
ENV PATH=/opt/punchcard/bin:/usr/local/bin:/usr/bin:/bin
ENV PYTHONPATH=/opt/punchcard/code
ENV PYTHONDONTWRITEBYTECODE=1
ENV PYTHONUNBUFFERED=1
ENV PUNCHCARD_HOME=/var/lib/punchcard
USER punchcard
WORKDIR /var/lib/punchcard
VOLUME /var/lib/punchcard
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s --retries=3 CMD ["python", "-m", "punchcard", "health"]
ENTRYPOINT ["python", "-m", "punchcard"]
CMD ["web", "--host", "0.0.0.0"]
