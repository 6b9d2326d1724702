"""Encoders of every kind behind one face: a case in, its embedding out.

An encoder reads a case itself (`read`, a crop or what a segmenter sees of it), says how wide its
embeddings are (`width`), and turns what it read into one (`encode`). All that it has learned lies
in its weights file.
"""
