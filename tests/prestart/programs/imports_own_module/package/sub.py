from . import name
