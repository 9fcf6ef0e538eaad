"""Ten networks that Keras describes (keras.applications), and where their maps are taken.

Sources: F. Chollet, Xception, 2017, doi:10.1109/CVPR.2017.195; K. Simonyan and A. Zisserman, Very
deep convolutional networks for large-scale image recognition (VGG), 2015, arXiv:1409.1556; K. He et
al., Deep residual learning, 2016, doi:10.1109/CVPR.2016.90; C. Szegedy et al., Rethinking the
Inception architecture, 2016, doi:10.1109/CVPR.2016.308, and Inception-v4, Inception-ResNet, 2017,
doi:10.1609/aaai.v31i1.11231; A. Howard et al., MobileNets, 2017, arXiv:1704.04861; G. Huang et al.,
Densely connected convolutional networks, 2017, doi:10.1109/CVPR.2017.243; B. Zoph et al., Learning
transferable architectures, 2018, doi:10.1109/CVPR.2018.00907; M. Sandler et al., MobileNetV2, 2018,
doi:10.1109/CVPR.2018.00474.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ruis.errors import UnknownNameError

__all__ = ["NETWORKS", "Pretrained", "find"]


@dataclass(frozen=True)
class Pretrained:
    """What is to be known of a network before it is built.

    Parameters
    ----------
    constructor : str
        Its name in keras.applications.
    pixels : {"signed", "standard", "blue-first"}
        What it wants: values from -1 to 1; each channel standardised; or blue, green and red from
        0 to 255 with the mean photograph subtracted.
    taps : dict of int to str
        The layer whose result is the map of each stride.
    brightest : float
        By what a map is divided to be of the order of one: a network that does not normalise
        keeps the order of its pixels.
    gains : dict of str to float
        By what to multiply He's deviation where weights are fresh, by pattern of layer names.
    """

    constructor: str
    pixels: Literal["signed", "standard", "blue-first"]
    taps: dict[int, str]
    brightest: float = 1.0
    gains: dict[str, float] = field(default_factory=dict)


NETWORKS = {
    "xception": Pretrained(
        "Xception",
        "signed",
        {
            2: "block1_conv2_act",
            4: "block3_sepconv2_act",
            8: "block4_sepconv2_act",
            16: "block13_sepconv2_act",
            32: "block14_sepconv2_act",
        },
    ),
    "vgg16": Pretrained(
        "VGG16",
        "blue-first",
        {
            1: "block1_conv2",
            2: "block2_conv2",
            4: "block3_conv3",
            8: "block4_conv3",
            16: "block5_conv3",
            32: "block5_pool",
        },
        brightest=128.0,
    ),
    "vgg19": Pretrained(
        "VGG19",
        "blue-first",
        {
            1: "block1_conv2",
            2: "block2_conv2",
            4: "block3_conv4",
            8: "block4_conv4",
            16: "block5_conv4",
            32: "block5_pool",
        },
        brightest=128.0,
    ),
    "resnet50": Pretrained(
        "ResNet50",
        "blue-first",
        {
            2: "conv1_relu",
            4: "conv2_block3_out",
            8: "conv3_block4_out",
            16: "conv4_block6_out",
            32: "conv5_block3_out",
        },
        # Pixels of the order of 128 go in, and without statistics each block would double them.
        gains={"conv1_conv": 1 / 128, r"\w+_3_conv": 0.1},
    ),
    "inception-v3": Pretrained(
        "InceptionV3",
        "signed",
        {2: "activation_2", 4: "activation_4", 8: "mixed2", 16: "mixed7", 32: "mixed10"},
    ),
    "inception-resnet-v2": Pretrained(
        "InceptionResNetV2",
        "signed",
        {
            2: "activation_2",
            4: "activation_4",
            8: "block35_10_ac",
            16: "block17_20_ac",
            32: "conv_7b_ac",
        },
    ),
    "mobilenet": Pretrained(
        "MobileNet",
        "signed",
        {
            2: "conv_pw_1_relu",
            4: "conv_pw_3_relu",
            8: "conv_pw_5_relu",
            16: "conv_pw_11_relu",
            32: "conv_pw_13_relu",
        },
    ),
    "densenet121": Pretrained(
        "DenseNet121",
        "standard",
        {2: "conv1_relu", 4: "pool2_relu", 8: "pool3_relu", 16: "pool4_relu", 32: "relu"},
    ),
    "nasnet-mobile": Pretrained(
        "NASNetMobile",
        "signed",
        {
            2: "stem_bn1",
            4: "reduction_concat_stem_1",
            8: "normal_concat_3",
            16: "normal_concat_8",
            32: "normal_concat_12",
        },
    ),
    "mobilenet-v2": Pretrained(
        "MobileNetV2",
        "signed",
        {
            2: "block_1_expand_relu",
            4: "block_3_expand_relu",
            8: "block_6_expand_relu",
            16: "block_13_expand_relu",
            32: "out_relu",
        },
    ),
}


def find(network: str) -> Pretrained:
    """Return what is to be known of a network.

    Raises
    ------
    UnknownNameError
        If there is no such network; the error names the nearest.

    Examples
    --------
    >>> find("vgg16").taps[2]
    'block2_conv2'
    """
    if network not in NETWORKS:
        raise UnknownNameError("pretrained network", network, NETWORKS)
    return NETWORKS[network]
