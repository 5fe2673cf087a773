"""What only the Flask service needs: its routes, passwords and tokens."""
