from .audio import Audio as Audio
from .audio import load as load
from .files import AudioFile as AudioFile
from .files import AudioWriter as AudioWriter
