"""Drawing: layouts, pictures, pages and the notations of other tools, from the records of `inspection`."""
