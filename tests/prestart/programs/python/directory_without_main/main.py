# cordon: command python3 app
