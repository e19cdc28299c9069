from tests.writers.fits.conftest import shared

__all__ = ["shared"]
