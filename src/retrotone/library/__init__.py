"""A music library that recommends by sound."""
