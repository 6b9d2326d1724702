"""Networks and how they are trained: registry, losses, one training module, weights, inference.

Tensors are `(N, C, D, H, W)`. A network is a plain `torch.nn.Module`; Lightning is seen only
inside `training`. MONAI is imported by `registry`, `losses` and `inference` alone, so that a job
which needs none of them (an encoder, a classifier) does not wait for it.
"""
