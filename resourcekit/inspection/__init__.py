"""What a container holds, as plain data: graph, environment, explanation, difference.

Nothing is opened, no hook runs, no value from outside is read. `render` draws the data.
"""
