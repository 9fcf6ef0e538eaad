# The service and its page in a container: docker build -t ruis . ; see docs/how-to-serve.md.
# Built in one stage, run in another: no compiler, pip cache or source is in what runs.

FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/ruis \
    && /opt/ruis/bin/pip install --no-cache-dir --disable-pip-version-check ".[serve]"

FROM python:3.13-slim
COPY --from=build /opt/ruis /opt/ruis
# Nothing is written at run time, so the root file system may be read-only.
ENV PATH="/opt/ruis/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /opt/ruis
EXPOSE 8000
# Ready, not only alive: the self-test has passed.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
# Others can reach a container, so it takes a token, from a file that is a secret.
ENTRYPOINT ["ruis", "serve", "--address", "0.0.0.0", "--port", "8000"]
CMD ["--token-file", "/run/secrets/ruis_token"]
