# One image for every service of docker-compose-airflow.yml: Airflow, MLflow and the model API, on the versions in
# constraints.txt, which are those that the tests run with. Layers go from what changes seldom to what changes often:
# after an edit of Driftgate's own code only the last ones, a few hundred kilobytes, are made anew.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.12

# What to install, alone: an edit elsewhere in pyproject.toml must not install everything anew.
FROM ${AIRFLOW_IMAGE} AS wanted
COPY pyproject.toml /tmp/
RUN python -c "import tomllib; project = tomllib.load(open('/tmp/pyproject.toml', 'rb'))['project']; \
    extras = project['optional-dependencies']; wanted = sum(map(extras.get, ('airflow', 'ml', 'serve', 'deploy')), []); \
    print(*(name for name in project['dependencies'] + wanted if not name.startswith('driftgate')), sep='\n')" \
    > /tmp/requirements.txt

# The packages, in a virtual environment of their own beside the forty providers of the official image.
FROM ${AIRFLOW_IMAGE} AS packages
USER root
RUN install -d -o airflow -g 0 /opt/driftgate /opt/driftgate/source
USER airflow
WORKDIR /opt/driftgate/source
RUN uv venv --quiet --python "$(python -c 'import sys; print(sys._base_executable)')" /opt/driftgate/venv
COPY --from=wanted /tmp/requirements.txt ./
COPY constraints.txt ./
RUN uv pip install --quiet --no-cache --compile-bytecode --python /opt/driftgate/venv/bin/python \
    --constraint constraints.txt --requirement requirements.txt

# Driftgate itself, laid over that environment.
FROM packages AS project
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY operators operators
COPY driftgate driftgate
RUN uv pip install --quiet --no-cache --compile-bytecode --python /opt/driftgate/venv/bin/python \
    --no-deps --prefix /opt/driftgate/overlay .

FROM ${AIRFLOW_IMAGE}
USER root
# Airflow fetches git bundles with the git command. Folders get their owners here, because a named volume takes over
# those of the folder that it is mounted on the first time.
RUN if ! command -v git >/dev/null; then \
      apt-get update -qq && apt-get install -y -qq --no-install-recommends git && rm -rf /var/lib/apt/lists/*; \
    fi \
    && install -d -o root -g 0 -m 755 /opt/driftgate /run/driftgate \
    && install -d -o 50000 -g 0 -m 770 /opt/driftgate/state /opt/driftgate/bundles \
    && install -d -o 50001 -g 0 -m 700 /opt/driftgate/mlflow
# Owned by root: no service can change the code that it runs.
COPY --from=packages /opt/driftgate/venv /opt/driftgate/venv
COPY --from=project /opt/driftgate/overlay /opt/driftgate/venv
COPY deploy/with-secrets /opt/driftgate/bin/with-secrets
ENV PATH=/opt/driftgate/venv/bin:/opt/driftgate/bin:${PATH} \
    VIRTUAL_ENV=/opt/driftgate/venv \
    DRIFTGATE_STATE_DIR=/opt/driftgate/state \
    DO_NOT_TRACK=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY=False \
    PYTHONWARNINGS=ignore
USER 50000
