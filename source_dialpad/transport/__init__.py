"""How one request is made, and what becomes of its values."""
