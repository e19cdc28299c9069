from tests.writers.fits.judging import judged_products, unjudged

__all__ = ("judged_products", "unjudged")
