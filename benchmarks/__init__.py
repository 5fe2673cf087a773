"""How fast the service is: beside the Flask service, and beside what PyMongo alone allows.

``make bench`` runs ``python -m benchmarks`` and writes ``docs/benchmarks.md``.
"""
