from .audio import Audio as Audio
from .audio import load as load
from .files import AudioFile as AudioFile
from .tags import Tags as Tags
from .tags import read_tags as read_tags
from .writing import AudioWriter as AudioWriter
