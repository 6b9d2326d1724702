"""radpipe: from a cohort of medical images to a study a reviewer can trust."""

__version__ = "0.1.0"
