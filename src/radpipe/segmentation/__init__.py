"""Masks drawn by networks: patches, training, inference, post-processing, manifests and scores.

A segmenter is trained inside a fold; its manifest names the patients it saw, and a mask of one of
them is refused wherever a model is judged (guardrail G05). Masks are `uint8` images on the grid of
the prepared images; distances are in mm and volumes in ml.
"""
