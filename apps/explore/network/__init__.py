"""Who works with whom: the graph of the records, as JSON, GraphML, GEXF and a page."""
