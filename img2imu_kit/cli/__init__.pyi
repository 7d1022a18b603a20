from .convert import Converted as Converted
from .convert import files_to_pictures as files_to_pictures
from .main import main as main
from .quickstart import quickstart as quickstart
