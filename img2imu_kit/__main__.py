"""``python -m img2imu_kit`` is the command ``img2imu``."""

from .cli import main

main()
