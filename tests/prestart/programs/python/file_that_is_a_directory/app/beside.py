print("beside", __file__)
