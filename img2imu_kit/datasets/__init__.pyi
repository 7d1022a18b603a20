from .cards import DatasetCard as DatasetCard
from .catalogue import card as card
from .catalogue import fetch_dataset as fetch_dataset
from .synthetic import MOTIONS as MOTIONS
from .synthetic import Motion as Motion
from .tasks import TASKS as TASKS
from .tasks import Task as Task
from .tasks import list_tasks as list_tasks
