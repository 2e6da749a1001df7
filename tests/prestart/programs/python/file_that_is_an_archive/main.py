# cordon: command python3 app.zip x
