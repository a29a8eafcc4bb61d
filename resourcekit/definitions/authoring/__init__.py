"""The decorators and classes that pipelines are written with: assets, ops, jobs, `Definitions`, `materialize`."""
