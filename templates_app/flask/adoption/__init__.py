"""Taking over a database that the Flask service wrote.

``report`` says what is in it, ``obstacles`` finds documents that prevent the unique indexes,
``steps`` clears them away, and ``quarantine`` keeps what was taken out and can put it back.

Everything is read in batches, so that a million documents need no more memory than a thousand.
"""
