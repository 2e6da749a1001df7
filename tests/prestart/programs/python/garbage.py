import gc
print(gc.isenabled(), gc.get_threshold(), gc.garbage, gc.callbacks, gc.get_debug(), gc.get_freeze_count())
print(gc.get_count(), len(gc.get_objects()), gc.get_stats())
