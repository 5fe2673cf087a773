"""Taking over a database that the Flask service wrote.

``report`` tells what is in it, ``obstacles`` finds what stands in the way of the unique indexes,
``steps`` clears it away, and ``quarantine`` keeps what was taken out and puts it back.

Everything is streamed in batches, so that a million documents need no more memory than a thousand.
"""
