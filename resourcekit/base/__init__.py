"""The ground: errors, masking, class keywords' settings, who called, generated source.

Knows nothing of resources or containers. Errors carry data, and their text is made when it is read. Every module of
the package may import this folder; it imports nothing of the package.
"""
