"""Counts and sums across resources."""
