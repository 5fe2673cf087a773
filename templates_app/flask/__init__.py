"""What is there for the Flask service alone: its routes, and the adoption of its data."""
