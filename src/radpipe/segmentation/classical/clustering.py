"""Clusters of the intensities of one image, found anew in each image."""

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from radpipe.segmentation.classical.fitted import Parameters
from radpipe.segmentation.classical.scenes import Scene
from radpipe.types import Labels

SAMPLE = 20_000
"""Voxels that the clusters are found on; all voxels then belong to one of them."""

CHUNK = 1_000_000


def kmeans(scene: Scene, parameters: Parameters) -> Labels | None:
    """Classes in the order of intensity; none if the image has fewer values than classes."""
    sample = _sample(scene, parameters)
    if sample is None:
        return None
    centres = _centres(sample, parameters)
    # In one dimension the nearest centre changes halfway between two of them.
    return np.digitize(scene.image, (centres[1:] + centres[:-1]) / 2).astype(np.uint8)


def gaussian_mixture(scene: Scene, parameters: Parameters) -> Labels | None:
    """The likelier Gaussian of each voxel, in the order of means; none as for `kmeans`."""
    sample = _sample(scene, parameters)
    if sample is None:
        return None
    centre, scale = sample.mean(), sample.std()
    sample = (sample - centre) / scale
    centres = _centres(sample, parameters)
    nearest = np.abs(sample - centres).argmin(axis=1)
    spread = np.array([sample[nearest == k].var() + 1e-3 for k in range(len(centres))])
    # A small cluster is lost from a worse start: the one of scikit-learn knows no spread.
    fitted = GaussianMixture(
        n_components=len(centres),
        max_iter=300,
        weights_init=np.bincount(nearest, minlength=len(centres)) / len(sample),
        means_init=centres[:, None],
        precisions_init=1 / spread[:, None, None],
        random_state=int(parameters["seed"]),
    ).fit(sample)
    order = np.argsort(np.argsort(fitted.means_[:, 0])).astype(np.uint8)
    values = (scene.image.reshape(-1, 1) - centre) / scale
    parts = [fitted.predict(values[i : i + CHUNK]) for i in range(0, len(values), CHUNK)]
    return order[np.concatenate(parts)].reshape(scene.size)


def _centres(sample: npt.NDArray[np.float64], parameters: Parameters) -> npt.NDArray[np.float64]:
    """Centres of k-means, in order."""
    fitted = KMeans(
        n_clusters=int(parameters["classes"]), n_init=4, random_state=int(parameters["seed"])
    ).fit(sample)
    return np.sort(fitted.cluster_centers_[:, 0])


def _sample(scene: Scene, parameters: Parameters) -> npt.NDArray[np.float64] | None:
    values = scene.image.ravel()
    if values.size > SAMPLE:
        rng = np.random.default_rng(int(parameters["seed"]))
        values = rng.choice(values, SAMPLE, replace=False)
    if np.unique(values).size < int(parameters["classes"]):
        return None
    return values.reshape(-1, 1).astype(np.float64)
