"""The claim form (认领表) of a round or a body."""
