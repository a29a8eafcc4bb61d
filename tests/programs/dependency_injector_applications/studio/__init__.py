"""An application of layers: one container, the same in several, and packages that know nothing of one another."""
