"""Segmentation without a network: thresholds, clusters, contours, regions, voxels, atlases.

`fitting.fit_classical` learns on the training part of a fold what a method must know (whether the
lesion is bright or dark, free thresholds, which class is which label), `drawing.segment_classical`
draws a case, `storage` writes and reads what was learned, without pickle. All methods work in 3-D
on one image of a case (voxel classifiers: on all), everywhere or in a box that a reader has set.
"""
