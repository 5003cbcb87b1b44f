"""Data to train on: published images and digits, and two small functions of bits."""

from qkernel.nn.datasets.bits import NOT, XOR
from qkernel.nn.datasets.images import MNIST, Digits, FashionMNIST, ImageSet
from qkernel.nn.datasets.published import load

__all__ = ["MNIST", "NOT", "XOR", "Digits", "FashionMNIST", "ImageSet", "load"]
