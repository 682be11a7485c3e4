"""What stands out in photographs that are free to use: polygons drawn by hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outline:
    """A polygon in a part of a photograph."""

    file: str  # in the folder of backgrounds, or of packages
    part: tuple[int, int, int, int]  # left, top, right, bottom of what is used, in pixels
    width: int  # of the band in pixels that the border lies in
    points: str
    packaged: bool = False
    longest: int = 1600  # pixels that the longer side of the photograph is reduced to

    @property
    def corners(self) -> list[tuple[int, int]]:
        pairs = (point.split(",") for point in self.points.split())
        return [(int(x), int(y)) for x, y in pairs]


OUTLINES = {
    "astronaut": Outline(
        "astronaut.jpg",
        (0, 0, 512, 512),
        8,
        "170,40 200,22 225,15 255,20 285,40 298,70 300,95 290,115 275,135 265,150 258,172 285,190 303,220 305,240 "
        "335,265 350,290 362,335 365,347 400,343 450,360 480,395 497,440 500,455 510,475 515,515 75,515 60,505 35,480 "
        "22,470 25,430 18,390 25,340 35,300 50,265 75,235 113,208 117,190 118,180 128,165 150,150 185,150 180,130 "
        "170,120 155,105 153,85 155,65",
    ),
    "coffee": Outline(
        "coffee.jpg",
        (0, 0, 600, 400),
        6,
        "77,205 85,165 105,125 135,95 170,72 180,65 205,38 245,22 290,18 330,24 370,45 395,68 400,72 412,67 423,75 "
        "415,105 440,130 465,170 478,215 475,260 455,305 420,345 370,372 310,386 260,387 210,375 160,350 120,315 "
        "95,275 80,235",
    ),
    "Yellow-Flower": Outline(
        "Yellow-Flower.jpg",
        (580, 30, 1080, 620),
        9,
        "35,157 82,170 120,183 118,110 140,70 180,35 225,25 235,60 250,55 320,60 430,72 460,100 445,120 420,130 "
        "460,180 475,220 455,235 453,262 410,262 380,270 365,340 357,420 365,490 375,540 350,560 330,490 315,450 "
        "260,400 225,350 195,300 155,315 150,300 110,278 75,270 55,230 42,185",
    ),
    "grace_hopper": Outline(
        "matplotlib/matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        (0, 0, 512, 600),
        8,
        "12,602 22,540 25,480 32,420 50,385 90,365 150,345 175,338 195,325 203,312 195,298 180,290 165,275 162,260 "
        "168,250 158,225 155,200 158,175 165,155 152,155 155,120 158,105 172,85 182,62 205,42 225,28 262,22 300,30 "
        "330,45 350,68 354,85 368,92 371,120 371,160 365,182 375,195 370,220 355,250 360,275 352,295 335,305 338,320 "
        "360,338 400,358 450,375 490,388 500,410 515,440 515,602",
        packaged=True,
    ),
    "bird": Outline(
        "lomiri-wallpapers-16.04/usr/share/backgrounds/free_by_Peter_Nerlich.jpg",
        (360, 680, 1080, 1060),
        7,
        "42,115 80,125 160,132 230,140 280,155 340,168 352,180 360,192 390,165 405,135 430,110 460,102 490,108 "
        "508,115 540,90 600,50 650,25 673,26 660,45 620,85 560,140 525,170 518,190 520,220 512,270 500,305 480,325 "
        "440,340 390,342 350,335 340,300 310,298 292,285 300,272 330,260 345,245 355,215 280,215 200,210 120,190 "
        "70,160 45,130",
        packaged=True,
    ),
}
