"""`python -m apps.registry.gazetteer ../shared/gazetteer fixtures/gazetteer` derives the CSV files again."""

import sys

from apps.registry.gazetteer.deriving import main

main(*sys.argv[1:])
