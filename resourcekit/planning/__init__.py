"""Nodes, edges, order and plan: what a set of keys needs, as pure data.

Made without reading the environment. Knows neither cattrs nor dependency-injector, and draws nothing.
"""
