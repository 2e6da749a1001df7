import unittest
class T(unittest.TestCase):
    def test_fails(self):
        self.assertEqual(1, 2)
    def test_passes(self):
        pass
T.test_fails.__doc__ = None
import sys, io
stream = io.StringIO()
program = unittest.main(exit=False, testRunner=unittest.TextTestRunner(stream=stream))
import re
print(re.sub(r"in [0-9.]+s", "in TIME", stream.getvalue()))
