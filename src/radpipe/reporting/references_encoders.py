"""The papers of deep features: key, text and DOI."""

ENCODERS: dict[str, tuple[str, str]] = {
    "he2016": (
        "He K, Zhang X, Ren S, Sun J. Deep residual learning for image recognition. CVPR "
        "2016:770–778.",
        "10.1109/CVPR.2016.90",
    ),
    "hinton2006belief": (
        "Hinton GE, Osindero S, Teh YW. A fast learning algorithm for deep belief nets. Neural "
        "Comput 2006;18:1527–1554.",
        "10.1162/neco.2006.18.7.1527",
    ),
    "hochreiter1997": (
        "Hochreiter S, Schmidhuber J. Long short-term memory. Neural Comput 1997;9:1735–1780.",
        "10.1162/neco.1997.9.8.1735",
    ),
    "huang2017": (
        "Huang G, Liu Z, van der Maaten L, Weinberger KQ. Densely connected convolutional "
        "networks. CVPR 2017:2261–2269.",
        "10.1109/CVPR.2017.243",
    ),
    "kingma2014": (
        "Kingma DP, Welling M. Auto-encoding variational Bayes. ICLR 2014.",
        "10.48550/arXiv.1312.6114",
    ),
    "sabour2017": (
        "Sabour S, Frosst N, Hinton GE. Dynamic routing between capsules. NeurIPS "
        "2017;30:3856–3866.",
        "",
    ),
    "vaswani2017": (
        "Vaswani A, Shazeer N, Parmar N, et al. Attention is all you need. NeurIPS "
        "2017;30:5998–6008.",
        "",
    ),
    "vincent2008": (
        "Vincent P, Larochelle H, Bengio Y, Manzagol PA. Extracting and composing robust features "
        "with denoising autoencoders. ICML 2008:1096–1103.",
        "10.1145/1390156.1390294",
    ),
}
