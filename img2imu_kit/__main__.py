"""``python -m img2imu_kit`` is the command ``img2imu``."""

from .cli.main import main

main()
