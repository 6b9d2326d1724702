"""Networks and how they are trained: registry, losses, one training module, weights, inference.

Tensors are `(N, C, D, H, W)`. A network is a plain `torch.nn.Module`; Lightning is seen only
inside `training`. A job that only applies an encoder or a classifier imports neither Lightning nor
MONAI, and does not wait for them.
"""
