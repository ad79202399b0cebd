from .library import Library as Library
