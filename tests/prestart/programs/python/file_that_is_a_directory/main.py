# cordon: command python3 app x
