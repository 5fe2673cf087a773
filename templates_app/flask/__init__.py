"""What only the Flask service needs: its routes, and the adoption of its data."""
