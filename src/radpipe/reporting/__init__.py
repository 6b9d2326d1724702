"""From tables to documents: figures, one model of content, two renderers (HTML and PDF).

Reads the tables, images and masks that other stages wrote, never a fitted model. `figures` draws,
`content` says once what the report holds, `html` and `pdf` only set it.
"""
