"""A resource with a field of each kind, for what the operators' pages make of them."""
