"""`ResourceContainer` and its instances: providers, wiring, overrides, environments.

The only folder that imports dependency-injector. Everything below it, in the order of the layers, sees a container as a
`Blueprint`.
"""
