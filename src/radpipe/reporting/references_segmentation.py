"""The papers of segmenters, of their losses and of their metrics: key, text and DOI."""

SEGMENTATION: dict[str, tuple[str, str]] = {
    "adams1994": (
        "Adams R, Bischof L. Seeded region growing. IEEE Trans Pattern Anal Mach Intell "
        "1994;16:641–647.",
        "10.1109/34.295913",
    ),
    "alom2019": (
        "Alom MZ, Yakopcic C, Hasan M, Taha TM, Asari VK. Recurrent residual U-Net for medical "
        "image segmentation. J Med Imaging 2019;6:014006.",
        "10.1117/1.JMI.6.1.014006",
    ),
    "badrinarayanan2017": (
        "Badrinarayanan V, Kendall A, Cipolla R. SegNet: a deep convolutional encoder-decoder "
        "architecture for image segmentation. IEEE Trans Pattern Anal Mach Intell "
        "2017;39:2481–2495.",
        "10.1109/TPAMI.2016.2644615",
    ),
    "caselles1997": (
        "Caselles V, Kimmel R, Sapiro G. Geodesic active contours. Int J Comput Vis 1997;22:61–79.",
        "10.1023/A:1007979827043",
    ),
    "chan2001": (
        "Chan TF, Vese LA. Active contours without edges. IEEE Trans Image Process "
        "2001;10:266–277.",
        "10.1109/83.902291",
    ),
    "chen2018": (
        "Chen LC, Zhu Y, Papandreou G, Schroff F, Adam H. Encoder-decoder with atrous separable "
        "convolution for semantic image segmentation. ECCV 2018, LNCS 11211:833–851.",
        "10.1007/978-3-030-01234-2_49",
    ),
    "cheng2021": (
        "Cheng B, Girshick R, Dollár P, Berg AC, Kirillov A. Boundary IoU: improving "
        "object-centric image segmentation evaluation. CVPR 2021:15329–15337.",
        "10.1109/CVPR46437.2021.01508",
    ),
    "cortes1995": (
        "Cortes C, Vapnik V. Support-vector networks. Mach Learn 1995;20:273–297.",
        "10.1007/BF00994018",
    ),
    "cover1967": (
        "Cover T, Hart P. Nearest neighbor pattern classification. IEEE Trans Inf Theory "
        "1967;13:21–27.",
        "10.1109/TIT.1967.1053964",
    ),
    "dempster1977": (
        "Dempster AP, Laird NM, Rubin DB. Maximum likelihood from incomplete data via the EM "
        "algorithm. J R Stat Soc B 1977;39:1–38.",
        "10.1111/j.2517-6161.1977.tb01600.x",
    ),
    "dolz2019": (
        "Dolz J, Gopinath K, Yuan J, et al. HyperDense-Net: a hyper-densely connected CNN for "
        "multi-modal image segmentation. IEEE Trans Med Imaging 2019;38:1116–1126.",
        "10.1109/TMI.2018.2878669",
    ),
    "gal2016": (
        "Gal Y, Ghahramani Z. Dropout as a Bayesian approximation: representing model "
        "uncertainty in deep learning. ICML 2016, PMLR 48:1050–1059.",
        "",
    ),
    "grady2006": (
        "Grady L. Random walks for image segmentation. IEEE Trans Pattern Anal Mach Intell "
        "2006;28:1768–1783.",
        "10.1109/TPAMI.2006.233",
    ),
    "hatamizadeh2022": (
        "Hatamizadeh A, Tang Y, Nath V, et al. UNETR: transformers for 3D medical image "
        "segmentation. WACV 2022:1748–1758.",
        "10.1109/WACV51458.2022.00181",
    ),
    "hatamizadeh2022swin": (
        "Hatamizadeh A, Nath V, Tang Y, et al. Swin UNETR: Swin transformers for semantic "
        "segmentation of brain tumors in MRI images. BrainLes 2021, LNCS 12962:272–284.",
        "10.1007/978-3-031-08999-2_22",
    ),
    "iglesias2015": (
        "Iglesias JE, Sabuncu MR. Multi-atlas segmentation of biomedical images: a survey. Med "
        "Image Anal 2015;24:205–219.",
        "10.1016/j.media.2015.06.012",
    ),
    "isensee2021": (
        "Isensee F, Jaeger PF, Kohl SAA, Petersen J, Maier-Hein KH. nnU-Net: a self-configuring "
        "method for deep learning-based biomedical image segmentation. Nat Methods "
        "2021;18:203–211.",
        "10.1038/s41592-020-01008-z",
    ),
    "isola2017": (
        "Isola P, Zhu JY, Zhou T, Efros AA. Image-to-image translation with conditional "
        "adversarial networks. CVPR 2017:5967–5976.",
        "10.1109/CVPR.2017.632",
    ),
    "jegou2017": (
        "Jégou S, Drozdzal M, Vazquez D, Romero A, Bengio Y. The one hundred layers tiramisu: "
        "fully convolutional DenseNets for semantic segmentation. CVPR Workshops 2017:1175–1183.",
        "10.1109/CVPRW.2017.156",
    ),
    "karimi2020": (
        "Karimi D, Salcudean SE. Reducing the Hausdorff distance in medical image segmentation "
        "with convolutional neural networks. IEEE Trans Med Imaging 2020;39:499–513.",
        "10.1109/TMI.2019.2930068",
    ),
    "kerfoot2019": (
        "Kerfoot E, Clough J, Oksuz I, et al. Left-ventricle quantification using residual U-Net. "
        "STACOM 2018, LNCS 11395:371–380.",
        "10.1007/978-3-030-12029-0_40",
    ),
    "krahenbuhl2011": (
        "Krähenbühl P, Koltun V. Efficient inference in fully connected CRFs with Gaussian edge "
        "potentials. NIPS 2011;24:109–117.",
        "",
    ),
    "liao2001": (
        "Liao PS, Chen TS, Chung PC. A fast algorithm for multilevel thresholding. J Inf Sci Eng "
        "2001;17:713–727.",
        "10.6688/JISE.2001.17.5.1",
    ),
    "lin2017": (
        "Lin TY, Goyal P, Girshick R, He K, Dollár P. Focal loss for dense object detection. "
        "ICCV 2017:2999–3007.",
        "10.1109/ICCV.2017.324",
    ),
    "lloyd1982": (
        "Lloyd SP. Least squares quantization in PCM. IEEE Trans Inf Theory 1982;28:129–137.",
        "10.1109/TIT.1982.1056489",
    ),
    "long2015": (
        "Long J, Shelhamer E, Darrell T. Fully convolutional networks for semantic segmentation. "
        "CVPR 2015:3431–3440.",
        "10.1109/CVPR.2015.7298965",
    ),
    "marquez2014": (
        "Márquez-Neila P, Baumela L, Alvarez L. A morphological approach to curvature-based "
        "evolution of curves and surfaces. IEEE Trans Pattern Anal Mach Intell 2014;36:2–17.",
        "10.1109/TPAMI.2013.106",
    ),
    "milletari2016": (
        "Milletari F, Navab N, Ahmadi SA. V-Net: fully convolutional neural networks for "
        "volumetric medical image segmentation. 3DV 2016:565–571.",
        "10.1109/3DV.2016.79",
    ),
    "myronenko2019": (
        "Myronenko A. 3D MRI brain tumor segmentation using autoencoder regularization. BrainLes "
        "2018, LNCS 11384:311–320.",
        "10.1007/978-3-030-11726-9_28",
    ),
    "otsu1979": (
        "Otsu N. A threshold selection method from gray-level histograms. IEEE Trans Syst Man "
        "Cybern 1979;9:62–66.",
        "10.1109/TSMC.1979.4310076",
    ),
    "salehi2017": (
        "Salehi SSM, Erdogmus D, Gholipour A. Tversky loss function for image segmentation using "
        "3D fully convolutional deep networks. MLMI 2017, LNCS 10541:379–387.",
        "10.1007/978-3-319-67389-9_44",
    ),
    "schlemper2019": (
        "Schlemper J, Oktay O, Schaap M, et al. Attention gated networks: learning to leverage "
        "salient regions in medical images. Med Image Anal 2019;53:197–207.",
        "10.1016/j.media.2019.01.012",
    ),
    "sudre2017": (
        "Sudre CH, Li W, Vercauteren T, Ourselin S, Cardoso MJ. Generalised Dice overlap as a "
        "deep learning loss function for highly unbalanced segmentations. DLMIA 2017, LNCS "
        "10553:240–248.",
        "10.1007/978-3-319-67558-9_28",
    ),
    "szegedy2015": (
        "Szegedy C, Liu W, Jia Y, et al. Going deeper with convolutions. CVPR 2015:1–9.",
        "10.1109/CVPR.2015.7298594",
    ),
    "vincent1991": (
        "Vincent L, Soille P. Watersheds in digital spaces: an efficient algorithm based on "
        "immersion simulations. IEEE Trans Pattern Anal Mach Intell 1991;13:583–598.",
        "10.1109/34.87344",
    ),
    "warfield2004": (
        "Warfield SK, Zou KH, Wells WM. Simultaneous truth and performance level estimation "
        "(STAPLE): an algorithm for the validation of image segmentation. IEEE Trans Med Imaging "
        "2004;23:903–921.",
        "10.1109/TMI.2004.828354",
    ),
    "zhou2020": (
        "Zhou Z, Siddiquee MMR, Tajbakhsh N, Liang J. UNet++: redesigning skip connections to "
        "exploit multiscale features in image segmentation. IEEE Trans Med Imaging "
        "2020;39:1856–1867.",
        "10.1109/TMI.2019.2959609",
    ),
}
"""The DOI is empty where the publisher gives none."""
