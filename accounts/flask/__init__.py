"""What is there for the Flask service alone: its routes, and its passwords and tokens."""
