"""The way in: gunicorn's worker, whose threads no client can hold."""
