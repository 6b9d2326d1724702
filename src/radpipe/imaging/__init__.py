"""From the images of a case to one grid: import, rigid registration, N4, resampling, normalisation.

Every step takes and gives `SimpleITK.Image` and reports what it did as a dictionary of numbers.
Spatial steps compose, so that voxels are interpolated once. All of it runs on one thread: sums
over threads depend on their number, and results are to be equal bit by bit.
"""
