"""Steps and their graph, asset keys, selection, contexts, results: plain data that the other folders share."""
