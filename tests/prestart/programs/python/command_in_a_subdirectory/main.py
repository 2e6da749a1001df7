# cordon: command python3 -c import/**/os
# cordon: cwd data
