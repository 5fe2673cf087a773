"""The server: gunicorn's worker, whose threads no client can occupy."""
