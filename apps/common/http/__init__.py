"""The vocabulary of HTTP: problems, parameters, JSON bodies, formats, middleware. Knows no model and no view."""
