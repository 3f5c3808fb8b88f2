"""Datasets too large for memory: images stay encoded on disk until needed."""

import math

import numpy as np
from PIL import Image

from irnet_hw.data.dataset import Images, Labels, Part
from irnet_hw.data.decode import decode
from irnet_hw.data.encoded import Encoded

#: Height and width of the images that the network sees.
SIDE = 224

#: Test images are first scaled until their shorter side has this many pixels.
TEST_SIDE = 256

#: Range of a random crop's share of the image's area, and of its width divided by its height.
AREA = (0.08, 1.0)
RATIO = (3 / 4, 4 / 3)
LOG_RATIO = (math.log(RATIO[0]), math.log(RATIO[1]))

#: How many random crops may fail to fit before the centre is taken.
TRIES = 10

_Box = tuple[int, int, int, int]


class StreamedDataset:
    """Training and test images of any size, decoded one at a time.

    It can be sent to another process, which gets the images' locations, not the images.

    Args:
        train: the training images.
        test: the test images.

    Attributes:
        train_labels: int64 [N], indices into ``labels``.
        test_labels: int64 [M].
        labels: the classes' names.
        image_shape: height, width and channels of a decoded image.
    """

    image_shape = (SIDE, SIDE, 3)

    def __init__(self, train: Encoded, test: Encoded) -> None:
        self._train, self._test = train, test
        self.train_labels: Labels = train.labels
        self.test_labels: Labels = test.labels
        self.labels = train.names

    def order(self, seed: int, epoch: int) -> Labels:
        """Return the order of an epoch's images, int64 [N], a function of seed and epoch."""
        return self._train.order(np.random.default_rng([seed, epoch]))

    def decode_train(self, index: int, seed: int, epoch: int, flip: bool) -> Images:
        """Return a random crop of a training image, scaled; uint8 [224, 224, 3].

        The crop follows Szegedy et al., "Going Deeper with Convolutions", 2015, section 6: its
        area and aspect ratio are random.

        Args:
            index: index of the image.
            seed: seeds the random choices, together with the epoch and the index.
            epoch: counted from 0.
            flip: mirror half of the images left to right, at random.

        Raises:
            UserError: the image can't be read or is damaged.
        """
        random = np.random.default_rng([seed, epoch, index])
        image = decode(self._train.content(index), self._train.where(index), 3)
        crop = image.crop(_random_box(image.width, image.height, random))
        pixels = np.asarray(crop.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        return pixels[:, ::-1] if flip and random.integers(2) else pixels

    def decode_test(self, index: int) -> Images:
        """Return the centre crop of a scaled test image, uint8 [224, 224, 3].

        Args:
            index: index of the image.

        Raises:
            UserError: the image can't be read or is damaged.
        """
        image = decode(self._test.content(index), self._test.where(index), 3)
        shorter = min(image.size)
        width, height = (side * TEST_SIDE // shorter for side in image.size)
        left, top = ((side - SIDE + 1) // 2 for side in (width, height))
        scaled = image.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(scaled.crop((left, top, left + SIDE, top + SIDE)))

    def test_arrays(self, count: int) -> Part:
        """Return test images, spread evenly over the test part.

        Args:
            count: how many images; all of them if there are fewer.

        Raises:
            UserError: an image can't be read or is damaged.
        """
        total = len(self.test_labels)
        chosen = np.arange(min(count, total)) * total // min(count, total)
        images = np.empty((len(chosen), *self.image_shape), np.uint8)
        for place, index in enumerate(chosen):
            images[place] = self.decode_test(int(index))
        return Part(images, self.test_labels[chosen])


def _random_box(width: int, height: int, random: np.random.Generator) -> _Box:
    """Return the left, upper, right and lower edge of a random crop of an image."""
    for _ in range(TRIES):
        area = width * height * random.uniform(*AREA)
        ratio = math.exp(random.uniform(*LOG_RATIO))
        across, down = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < across <= width and 0 < down <= height:
            left = int(random.integers(width - across + 1))
            top = int(random.integers(height - down + 1))
            return left, top, left + across, top + down
    across = min(width, round(height * RATIO[1]))
    down = min(height, round(width / RATIO[0]))
    left, top = (width - across) // 2, (height - down) // 2
    return left, top, left + across, top + down
