from dataclasses import dataclass, field
from typing import get_type_hints
@dataclass
class P:
    x: int
    y: "list[P]" = field(default_factory=list)
print(P(1), get_type_hints(P))
