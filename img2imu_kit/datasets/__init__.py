"""Public data in, recordings out."""
