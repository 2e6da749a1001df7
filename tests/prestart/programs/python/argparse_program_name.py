import argparse
argparse.ArgumentParser(description="d").print_help()
