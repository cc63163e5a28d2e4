"""The invented tables of the sandbox's accounts, shaped as CARTO shapes its own."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_EARTH_RADIUS = 6378137.0  # metres, of the Web Mercator sphere
_WITH_SRID = 0x20000001  # EWKB: a point that says its SRID
_FRAME = (
    ("cartodb_id", "int4"),
    ("the_geom", "geometry"),
    ("the_geom_webmercator", "geometry"),
)


@dataclass(frozen=True)
class Table:
    """One table: its own columns after CARTO's three, and its rows.

    Attributes:
        name: The table's name.
        own: Name and PostgreSQL type of its own columns.
        places: Longitude, latitude (degrees) and own values of each row.
        public: Whether default_public may read it.
    """

    name: str
    own: tuple[tuple[str, str], ...]
    places: tuple[tuple[float, float, tuple[object, ...]], ...]
    public: bool = False

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Name and PostgreSQL type of every column."""
        return (*_FRAME, *self.own)

    def create(self, connection: sqlite3.Connection) -> None:
        """Make and fill the table."""
        named = ", ".join(f'"{name}"' for name, _ in self.columns)
        holes = ", ".join("?" for _ in self.columns)
        connection.execute(f'CREATE TABLE "{self.name}" ({named})')
        rows = [
            (number, _point(lon, lat, 4326), _mercator(lon, lat), *values)
            for number, (lon, lat, values) in enumerate(self.places, start=1)
        ]
        connection.executemany(f'INSERT INTO "{self.name}" VALUES ({holes})', rows)  # noqa: S608 - our own names


def srid_of(geometry: str) -> int:
    """The SRID that a hexadecimal EWKB geometry says it has."""
    return int(struct.unpack_from("<I", bytes.fromhex(geometry), 5)[0])


def geometry_srid(column: str) -> int:
    """The SRID of one of CARTO's two geometry columns."""
    return 3857 if column.endswith("webmercator") else 4326


def _point(x: float, y: float, srid: int) -> str:
    """A point as hexadecimal EWKB."""
    return struct.pack("<BIIdd", 1, _WITH_SRID, srid, x, y).hex().upper()


def _mercator(lon: float, lat: float) -> str:
    x = _EARTH_RADIUS * math.radians(lon)
    y = _EARTH_RADIUS * math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))
    return _point(x, y, 3857)


_ALL = (
    Table(
        "airports",
        (("name", "text"), ("code", "text"), ("passengers", "int4")),
        (
            (-3.56, 40.47, ("North Field", "NFD", 61700000)),
            (2.08, 41.3, ("Harbour East", "HBE", 52600000)),
            (-0.48, 39.49, ("Orange Coast", "ORC", 8500000)),
        ),
    ),
    Table(
        "neighbourhoods",
        (("name", "text"), ("households", "int4"), ("median_income", "float8")),
        (
            (-3.7, 40.41, ("Old Mill", 5400, 31250.5)),
            (-3.69, 40.43, ("Riverside", 8100, 28400.0)),
            (-3.68, 40.42, ("Hilltop", 3900, 40100.25)),
            (-3.71, 40.4, ("Station", 7700, 24990.0)),
        ),
    ),
    Table(
        "stores",
        (("name", "text"), ("revenue", "float8"), ("open", "bool")),
        (
            (-3.703, 40.417, ("Corner Shop", 120500.0, 1)),
            (-3.695, 40.425, ("Market Hall", 980000.75, 1)),
            (-3.684, 40.421, ("Closed Kiosk", 0.0, 0)),
        ),
    ),
    Table(
        "public_parks",
        (("name", "text"), ("hectares", "float8")),
        (
            (-3.683, 40.415, ("Lakeside Park", 125.0)),
            (-3.751, 40.419, ("West Woods", 1722.0)),
        ),
        public=True,
    ),
    Table(
        "salaries",
        (("person", "text"), ("amount", "int4")),
        ((-3.7, 40.41, ("somebody", 41000)),),
    ),
    Table(
        "rivers",
        (("name", "text"), ("length_km", "float8")),
        ((-0.88, 41.65, ("Long River", 930.0)), (-5.99, 37.39, ("Big River", 657.0))),
    ),
)
SRTEXT = {
    4326: (
        'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
        'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],'
        'AUTHORITY["EPSG","4326"]]'
    ),
    3857: (
        'PROJCS["WGS 84 / Pseudo-Mercator",GEOGCS["WGS 84",DATUM["WGS_1984",'
        'SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
        'UNIT["degree",0.0174532925199433]],PROJECTION["Mercator_1SP"],'
        'PARAMETER["central_meridian",0],PARAMETER["scale_factor",1],'
        'PARAMETER["false_easting",0],PARAMETER["false_northing",0],'
        'UNIT["metre",1],AUTHORITY["EPSG","3857"]]'
    ),
}
TABLES = {table.name: table for table in _ALL}
