"""The same work done by others: each in a folder with requirements of its own."""
