from .backbone import Backbone as Backbone
from .backbone import save_backbone as save_backbone
from .readout import pool_maps as pool_maps
from .weights import WeightsReport as WeightsReport
