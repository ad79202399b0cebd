from .audio import Audio as Audio
from .audio import load as load
from .files import AudioFile as AudioFile
from .writing import AudioWriter as AudioWriter
