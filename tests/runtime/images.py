"""Images for the tests."""

from tests.networks import tiny_images

IMAGES = tiny_images(40)
