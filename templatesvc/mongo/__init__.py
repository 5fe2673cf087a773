"""Documents in MongoDB: the store, indexes, walks and errors. Nothing here knows HTTP."""
