"""The only place that touches files of the user: images, tables, the case sheet.

Files are written whole or not at all (`files`), images flow as `SimpleITK.Image` (`images`), the
case sheet is checked as text before any work (`sheet`, `outcomes`, `cases`), and every image is
opened once before the study begins (`checks`).
"""
