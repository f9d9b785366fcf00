"""``python -m pointsra_cli``: the same program as the console script ``pointsra``."""

from pointsra_cli import main

if __name__ == "__main__":
    main()
