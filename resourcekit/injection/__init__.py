"""What a signature asks for, and filling it: `inject`, `injected`, `ResourceParam`.

Knows functions and the run that is current. Does not know containers: those hand it what a run is opened from.
"""
