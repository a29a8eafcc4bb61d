"""What a type annotation means: which values are right, what it is called, which resources are in it.

Knows what `typing` and `collections.abc` offer, typing_extensions' own forms included. Nothing here fails on an
annotation that it does not understand: such a one allows everything.
"""
