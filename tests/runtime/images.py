"""Images for the tests."""

from tests.flows.networks import tiny_images

IMAGES = tiny_images(40)
