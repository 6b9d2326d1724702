"""The only place that touches files of the user: images, tables, the case sheet."""
