"""The contenders, one module for each package."""
