"""Resources over HTTP: what every view, list, error and answer has in common."""
