// Nothing of its own: the headers that every promise reads are compiled for it, once.
int main() {}
