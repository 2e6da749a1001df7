"""Statistics of an uploaded CSV file as JSON, and a bar chart as PNG, with the standard library only."""

import csv
import json
import os
import statistics
import struct
import zlib


def read_measurements(path):
    by_station = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            by_station.setdefault(row["station"], []).append(float(row["temperature"]))
    return by_station


def summary(by_station):
    return {
        station: {
            "n": len(values),
            "mean": round(statistics.mean(values), 2),
            "stdev": round(statistics.stdev(values), 2),
            "min": min(values),
            "max": max(values),
        }
        for station, values in by_station.items()
    }


def png(width, height, pixels):
    """RGB rows -> a PNG file (W3C PNG specification, 5 and 11)."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(row) for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def bar_chart(means, width=320, height=200):
    colours = [(58, 110, 165), (214, 120, 50), (90, 150, 80)]
    bar = width // len(means)
    pixels = [[255] * (width * 3) for _ in range(height)]
    for i, mean in enumerate(means):
        top = height - int(height * 0.9 * mean / max(means))
        for y in range(top, height):
            for x in range(i * bar + bar // 8, (i + 1) * bar - bar // 8):
                pixels[y][3 * x : 3 * x + 3] = colours[i % len(colours)]
    return png(width, height, pixels)


result = summary(read_measurements("measurements.csv"))
os.makedirs("out", exist_ok=True)
with open("out/summary.json", "w") as file:
    json.dump(result, file, indent=2)
with open("out/chart.png", "wb") as file:
    file.write(bar_chart([station["mean"] for station in result.values()]))
for name, values in result.items():
    print(f"{name:10} mean {values['mean']:6.2f}   stdev {values['stdev']:5.2f}   {values['min']} .. {values['max']}")
