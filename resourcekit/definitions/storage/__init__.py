"""IO managers and serializers: where the values of steps are kept. Knows contexts and keys, not execution."""
