"""Configuration: values from outside, overlays and files, and how they become the values of fields."""
