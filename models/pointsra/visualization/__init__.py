"""Pictures, pages and windows of clouds: stills, one-file HTML viewers, training curves, terminal previews.

The room draws what it is handed and writes files; it computes no metric and runs no network.
"""
