from .audio.audio import Audio as Audio
from .audio.audio import load as load
from .audio.files import AudioFile as AudioFile
from .errors import AnalysisError as AnalysisError
from .errors import AudioError as AudioError
from .errors import Cancelled as Cancelled
from .errors import GenreError as GenreError
from .errors import LibraryError as LibraryError
from .errors import MissingExtraError as MissingExtraError
from .errors import ModelError as ModelError
from .errors import OutputError as OutputError
from .errors import RetrotoneError as RetrotoneError
from .errors import StyleError as StyleError
from .features import musicnn as musicnn
from .features.analysis import Analysis as Analysis
from .features.analysis import analyse as analyse
from .genre.classifier import GenreClassifier as GenreClassifier
from .library.library import Library as Library
from .metrics import measure as measure
from .rave.model import RaveModel as RaveModel
from .report import compare as compare
from .style.ageing import age as age
from .style.eras import ERAS as ERAS
from .style.medium import Medium as Medium
from .style.transfer import StyleTransfer as StyleTransfer
from .style.transfer import Transfer as Transfer

__version__: str
