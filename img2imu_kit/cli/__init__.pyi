from .convert import Converted as Converted
from .convert import files_to_pictures as files_to_pictures
from .explore import explorer_cells as explorer_cells
from .main import main as main
from .map import map_recordings as map_recordings
from .quickstart import quickstart as quickstart
