"""The books of docs/tutorial.md: a resource whose author read the tutorial alone."""
