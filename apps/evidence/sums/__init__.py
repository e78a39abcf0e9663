"""Sums of reported figures, and the rules by which they may be added."""
