"""What a user has: exports of phones, put into folders by hand."""

import numpy as np
import pandas as pd
import pytest

HZ = {"slow": 1.0, "fast": 6.0}


@pytest.fixture(scope="session")
def phones(tmp_path_factory):
    """Exports of phyphox by two people, in a folder for each activity: 9 s at 50 Hz.

    The layout is that of its CSV export: a file for each sensor, and notes in ``meta``.
    """
    folder = tmp_path_factory.mktemp("phones")
    t = np.arange(450) / 50
    for label, hz in HZ.items():
        for person, name in enumerate(["anna", "ben"]):
            export = folder / label / name
            (export / "meta").mkdir(parents=True)
            notes = '"property","value"\n"version","1.1.16"\n"fileFormat","1.14"\n'
            (export / "meta" / "device.csv").write_text(notes)
            phase = 2 * np.pi * hz * t[:, None] + np.arange(3) + person
            for sensor, column, unit, values in [
                ("Accelerometer", "Acceleration", "m/s^2", 5 * np.sin(phase) + [[0, 0, 9.81]]),
                ("Gyroscope", "Gyroscope", "rad/s", np.cos(phase)),
            ]:
                names = [f"{column} {axis} ({unit})" for axis in "xyz"]
                table = pd.DataFrame(values, columns=names)
                table.insert(0, "Time (s)", t)
                table.to_csv(export / f"{sensor}.csv", index=False, float_format="%.9E")
    return folder
