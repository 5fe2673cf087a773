# The production image: what requirements.txt names, and the service.

# One of the packages is compiled, which takes what the slim image lacks.
FROM python:3.13 AS packages
COPY requirements.txt ./
RUN pip install --no-cache-dir --prefix /packages --requirement requirements.txt

FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORT=8000
# A worker gives the 19 MiB of a hash back, in pages of 2 MiB (docs/deployment.md).
ENV GLIBC_TUNABLES=glibc.malloc.hugetlb=1
WORKDIR /srv/templatesvc

COPY --from=packages /packages /usr/local
RUN useradd --system --user-group --no-create-home templatesvc

# But what .dockerignore names.
COPY . ./

USER templatesvc
EXPOSE $PORT
HEALTHCHECK --start-period=20s --interval=10s --timeout=5s CMD ["python", "-c", "import os; from urllib.request import urlopen; urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz')"]
CMD ["sh", "-c", "exec gunicorn --config python:templatesvc.gunicorn --bind 0.0.0.0:$PORT"]
