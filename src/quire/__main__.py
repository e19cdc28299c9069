"""`python -m quire`."""

from quire.cli.main import run

if __name__ == "__main__":
    run()
