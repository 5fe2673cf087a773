"""The Flask service's routes for accounts."""
